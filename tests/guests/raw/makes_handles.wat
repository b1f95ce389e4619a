;; Makes handles of a resource of its own, which no host function ever sees, and drops none.
(component
  (type $thing (resource (rep i32)))
  (core func $new (canon resource.new $thing))
  (core module $guest
    (import "things" "new" (func $new (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (loop $again
        (drop (call $new (i32.const 7)))
        (br $again))
      unreachable))
  (core instance $instance
    (instantiate $guest (with "things" (instance (export "new" (func $new))))))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
