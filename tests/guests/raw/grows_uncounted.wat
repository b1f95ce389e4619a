;; Grows its memories, and after each growth asks a table for more elements than can be counted, which fails. Traps where
;; all its memories together stay within 64 MiB.
(component
  (core module $guest
    (memory $first (export "memory") 1)
    (memory $second 1)
    (memory $third 1)
    (memory $fourth 1)
    (table $functions i64 1 funcref)
    (func $fail_to_grow_a_table
      (drop (table.grow $functions (ref.null func) (i64.const -1))))
    (func (export "run") (result i32)
      (drop (memory.grow $first (i32.const 500)))
      (call $fail_to_grow_a_table)
      (drop (memory.grow $second (i32.const 500)))
      (call $fail_to_grow_a_table)
      (drop (memory.grow $third (i32.const 500)))
      (call $fail_to_grow_a_table)
      (drop (memory.grow $fourth (i32.const 500)))
      (if (i32.le_u
            (i32.add
              (i32.add (memory.size $first) (memory.size $second))
              (i32.add (memory.size $third) (memory.size $fourth)))
            (i32.const 1024))
        (then unreachable))
      (i32.const 0)))
  (core instance $instance (instantiate $guest))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $instance "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
