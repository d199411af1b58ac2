/* The passes for one vector length: the vector type, then the passes for it. */
#define LN(name) AT(name, LEVEL)
#define LANES LANES_AT(LEVEL)
#define VECTOR LN(vector)
#define BITVECTOR LN(bits)

/* In memory a vector has the alignment of its numbers. */
#if LANES == 1
typedef REAL VECTOR;
typedef REAL LN(stored) __attribute__((may_alias));
typedef BITS BITVECTOR;
#else
typedef REAL VECTOR __attribute__((vector_size(LANES * REAL_BYTES)));
typedef REAL LN(stored) __attribute__((vector_size(LANES * REAL_BYTES), aligned(REAL_BYTES), may_alias));
typedef BITS BITVECTOR __attribute__((vector_size(LANES * REAL_BYTES)));
#endif
#define AS_STORED(pointer) (*(LN(stored) *)(pointer))
#define LOAD(pointer) (*(const LN(stored) *)(pointer))

/* Vector v of the n that cover a chunk begins at this column of the chunk. */
#define OFFSET(v) ((v) == n - 1 ? width - LANES : (v) * LANES)

/* i times a vector of complex numbers, and the vector with the parts of each number exchanged; the parts of each number in both
 * places. */
#if PARTS == 1
#define TIMES_I(a) (a)
#define EXCHANGED(a) (a)
#define REAL_PARTS(a) (a)
#define IMAGINARY_PARTS(a) (a)
#elif LANES == 2
#define TIMES_I(a) __builtin_shufflevector(a, -(a), 3, 0)
#define EXCHANGED(a) __builtin_shufflevector(a, a, 1, 0)
#define REAL_PARTS(a) __builtin_shufflevector(a, a, 0, 0)
#define IMAGINARY_PARTS(a) __builtin_shufflevector(a, a, 1, 1)
#elif LANES == 4
#define TIMES_I(a) __builtin_shufflevector(a, -(a), 5, 0, 7, 2)
#define EXCHANGED(a) __builtin_shufflevector(a, a, 1, 0, 3, 2)
#define REAL_PARTS(a) __builtin_shufflevector(a, a, 0, 0, 2, 2)
#define IMAGINARY_PARTS(a) __builtin_shufflevector(a, a, 1, 1, 3, 3)
#elif LANES == 8
#define TIMES_I(a) __builtin_shufflevector(a, -(a), 9, 0, 11, 2, 13, 4, 15, 6)
#define EXCHANGED(a) __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6)
#define REAL_PARTS(a) __builtin_shufflevector(a, a, 0, 0, 2, 2, 4, 4, 6, 6)
#define IMAGINARY_PARTS(a) __builtin_shufflevector(a, a, 1, 1, 3, 3, 5, 5, 7, 7)
#elif LANES == 16
#define TIMES_I(a) __builtin_shufflevector(a, -(a), 17, 0, 19, 2, 21, 4, 23, 6, 25, 8, 27, 10, 29, 12, 31, 14)
#define EXCHANGED(a) __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#define REAL_PARTS(a) __builtin_shufflevector(a, a, 0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14)
#define IMAGINARY_PARTS(a) __builtin_shufflevector(a, a, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15)
#endif

/* scalar times vector, of complex numbers for PARTS == 2. */
#define TIMES(scalar, a) (PARTS == 1 ? (scalar)[0] * (a) : (scalar)[0] * (a) + (scalar)[PARTS - 1] * TIMES_I(a))

#include "sparse.h"
#include "dense.h"
#include "basis.h"
#include "recurrence.h"
#include "columns.h"

#undef LN
#undef LANES
#undef VECTOR
#undef BITVECTOR
#undef AS_STORED
#undef LOAD
#undef OFFSET
#undef TIMES_I
#undef EXCHANGED
#undef REAL_PARTS
#undef IMAGINARY_PARTS
#undef TIMES
