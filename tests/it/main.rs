//! The program, tried from outside: the built binary runs real guests against real servers, and what it says is held
//! against what they saw.

mod support;
