"""What the families share whose tasks end in a file of predicted probabilities, graded by AUROC."""
