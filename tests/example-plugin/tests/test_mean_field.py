import pytest
from mean_field import CARD

from genbench.testing import contract_cases


@pytest.mark.parametrize("case", contract_cases(CARD), ids=str)
def test_contract(case):
    case.run()
