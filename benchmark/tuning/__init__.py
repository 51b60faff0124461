"""Choosing parameters by validation score: Optuna's studies over a suite's protocol. The only package that imports it.

`space`: what is searched. `definition`: what a study is, and so what it is called. `storage`: where studies are kept.
`study`: one study's trials, counted, repaired after a kill, asked for and told. `sweep`: runs them. `report`: what came
of them, as plain data. `best`: puts the best parameters into a plan.
"""
