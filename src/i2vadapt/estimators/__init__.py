"""Estimators: systems that classify videos from fixed features. They see arrays only, and no labels of the target.

The estimator `meda` is the class `Estimator` in `estimators/meda.py`.
"""
