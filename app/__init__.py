"""Command line, main window and sessions: where the parts are put together.

Linear algebra runs in one thread: the matrices are small, and more threads wait busily for each other on the cores that
read and sum frames. OpenBLAS looks at this when numpy is loaded, which is later.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
