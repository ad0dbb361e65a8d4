"""Networks that are trained in order to judge: classifiers, extractors, attribute predictors, validators."""
