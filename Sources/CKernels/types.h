/* The four entry types for one instruction set: ISA, VECTOR_BYTES and REGISTERS are defined by the includer. */
#define TYPE f
#define REAL float
#define OTHER double
#define BITS int32_t
#define REAL_BYTES 4
#define PARTS 1
#include "template.h"
#undef TYPE
#undef PARTS

#define TYPE c
#define PARTS 2
#include "template.h"
#undef TYPE
#undef REAL
#undef OTHER
#undef BITS
#undef REAL_BYTES
#undef PARTS

#define TYPE d
#define REAL double
#define OTHER float
#define BITS int64_t
#define REAL_BYTES 8
#define PARTS 1
#include "template.h"
#undef TYPE
#undef PARTS

#define TYPE z
#define PARTS 2
#include "template.h"
#undef TYPE
#undef REAL
#undef OTHER
#undef BITS
#undef REAL_BYTES
#undef PARTS

#undef ISA
#undef VECTOR_BYTES
#undef REGISTERS
