;; Has the host's own code write 32 MiB, again and again: code that no tick interrupts.
(component
  (core module $guest
    (memory (export "memory") 512)
    (func (export "run") (result i32)
      (loop $again
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x2000000))
        (br $again))
      unreachable))
  (core instance $instance (instantiate $guest))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
