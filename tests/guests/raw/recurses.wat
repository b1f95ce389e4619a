;; Calls itself without end. Its frames hold nothing in linear memory, so that it is the machine's stack that runs out,
;; and not one of the guest's own.
(component
  (core module $guest
    (memory (export "memory") 1)
    (func $deepen (param $depth i64) (result i64)
      ;; What is added afterwards keeps the call from being a jump.
      (i64.add (call $deepen (i64.add (local.get $depth) (i64.const 1))) (local.get $depth)))
    (func (export "run") (result i32)
      (i32.wrap_i64 (call $deepen (i64.const 0)))))
  (core instance $instance (instantiate $guest))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
