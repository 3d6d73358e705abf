// What challenges a GPU, on any chip since sm_80. Apart from the kernels of drilling, which a driver need not assemble for it.
#include "memory.cu"
#include "fingerprint.cu"
