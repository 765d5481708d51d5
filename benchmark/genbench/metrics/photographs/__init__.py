"""Published metrics that are defined on the features of one network: CMMD, and the feature likelihood divergence."""
