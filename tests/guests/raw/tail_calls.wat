;; Computes without end and without a loop: a function that ends with a call of itself.
(component
  (core module $guest
    (memory (export "memory") 1)
    (func $again (param $turn i32) (result i32)
      (return_call $again (i32.add (local.get $turn) (i32.const 1))))
    (func (export "run") (result i32)
      (call $again (i32.const 0))))
  (core instance $instance (instantiate $guest))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
