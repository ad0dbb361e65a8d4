"""Functions of tensors that give one value per sample."""
