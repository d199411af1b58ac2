/* The libraries that are measured beside ours, as their own users call them. */
#if __has_include(<suitesparse/umfpack.h>)
#include <suitesparse/cholmod.h>
#include <suitesparse/umfpack.h>
#else
#include <cholmod.h>
#include <umfpack.h>
#endif
