;; Asks for a variable, and computes without end where the host calls it for room to put the value. Give --var case=VALUE.
(component
  (import "wasmload:scenario/user@0.1.0" (instance $user
    (export "variable" (func (param "name" string) (result (option string))))))
  (core module $room
    (memory (export "memory") 1)
    (data (i32.const 8) "case")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (loop $again (br $again))
      unreachable))
  (core instance $room (instantiate $room))
  (core func $variable
    (canon lower (func $user "variable") (memory (core memory $room "memory")) (realloc (core func $room "realloc"))))
  (core module $guest
    (import "user" "variable" (func $variable (param i32 i32 i32)))
    (func (export "run") (result i32)
      ;; The name's place and length, and the place for what comes back.
      (call $variable (i32.const 8) (i32.const 4) (i32.const 64))
      (i32.const 0)))
  (core instance $instance
    (instantiate $guest (with "user" (instance (export "variable" (func $variable))))))
  (func $run (result (result (error string)))
    (canon lift (core func $instance "run") (memory (core memory $room "memory"))))
  (instance $iteration (export "run" (func $run)))
  (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
