/* Debian keeps the headers in a folder of their own, other systems do not always. */
#if __has_include(<suitesparse/umfpack.h>)
#include <suitesparse/cholmod.h>
#include <suitesparse/umfpack.h>
#else
#include <cholmod.h>
#include <umfpack.h>
#endif
