//! What is masked before text leaves the process, and put back in the answer.
