"""The corruptions of ImageNet-C: 15 common ones, and 4 more that are held back for validation.

They are those of Hendrycks and Dietterich (2019), "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations", as the package `imagecorruptions` computes them for images of any size. See `severities` for their constants.
"""
