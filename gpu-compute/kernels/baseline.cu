// Everything that any chip since sm_80 runs.
#include "elements.cu"
#include "tree.cu"
#include "product.cu"
