//! Tests of the whole program; they are in `it/`, the guests that they run in `guests/`.
