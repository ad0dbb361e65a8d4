"""Are GANs created equal? Recipes compared over seeds and hyper-parameter draws, under an equal budget.

A comparison is a folder: ``plan.json`` says what is compared, ``trials/`` holds an ordinary run for each trial,
``outcomes/`` how each came out, ``claims/`` who is at work. Any number of processes and machines may share it.

References:
    Lucic, Kurach, Michalski, Gelly, Bousquet 2018, "Are GANs created equal? A large-scale study", arXiv 1711.10337.
"""
