;; Computes without end in the start function of its core module: there is never an instance to call.
(component
  (core module $guest
    (memory (export "memory") 1)
    (func $start (loop $again (br $again)))
    (start $start)
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $instance (instantiate $guest))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
