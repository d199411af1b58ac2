/* The family of kernels that OpenBLAS has chosen for this processor, or was told to take. */
char *openblas_get_corename(void);
/* Its version and how it was built. */
char *openblas_get_config(void);
