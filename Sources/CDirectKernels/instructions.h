/* Everything for one instruction set: ISA, FULL (the doubles in a vector), FULL_LANES and REGISTERS are defined by the includer. */
#define STORED double
#define VARIANT PASTE2(ISA, double)
#include "sweeps.h"
#define STORED float
#define VARIANT PASTE2(ISA, float)
#include "sweeps.h"

#define REAL float
#include "panel.h"
#undef REAL
#define REAL double
#include "panel.h"
#undef REAL

#undef ISA
#undef FULL
#undef FULL_LANES
#undef REGISTERS
