"""White-box attacks on models of images, and whether they transfer to another backend."""
