;; Grows its memory by a page, again and again, also once it gets no more.
(component
  (core module $guest
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (loop $again
        (drop (memory.grow (i32.const 1)))
        (br $again))
      unreachable))
  (core instance $instance (instantiate $guest))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
