/* Debian keeps the headers in a folder of their own, other systems do not always. */
#if __has_include(<suitesparse/umfpack.h>)
#include <suitesparse/SuiteSparseQR_C.h>
#include <suitesparse/cholmod.h>
#include <suitesparse/klu.h>
#include <suitesparse/umfpack.h>
#else
#include <SuiteSparseQR_C.h>
#include <cholmod.h>
#include <klu.h>
#include <umfpack.h>
#endif
/* SuiteSparseQR_C.h's name for the type of a number. */
#undef Complex
