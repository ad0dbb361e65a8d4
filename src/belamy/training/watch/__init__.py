"""The watch: looks at a run at fixed moments, names what goes wrong, shows the evidence and says what to type.

``observe.py`` looks at a method without disturbing it and writes plain numbers; ``patch_features.py`` judges images by
features that need no training; each module of ``signs`` is one way for a run to fail, a pure function of the numbers.
"""
