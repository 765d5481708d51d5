from mean_field import genbench_models

from genbench.testing import contract_test

test_contract = contract_test(*genbench_models())
