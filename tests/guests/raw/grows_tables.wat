;; Grows its two tables by as many elements as they have, and by one where that is too many, again and again, also once
;; they get no more.
(component
  (core module $guest
    (memory (export "memory") 1)
    (table $functions 1 funcref)
    (table $others 1 funcref)
    (func (export "run") (result i32)
      (loop $again
        (if (i32.eq (table.grow $functions (ref.null func) (table.size $functions)) (i32.const -1))
          (then (drop (table.grow $functions (ref.null func) (i32.const 1)))))
        (if (i32.eq (table.grow $others (ref.null func) (table.size $others)) (i32.const -1))
          (then (drop (table.grow $others (ref.null func) (i32.const 1)))))
        (br $again))
      unreachable))
  (core instance $instance (instantiate $guest))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
