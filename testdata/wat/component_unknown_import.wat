;; A component that imports a clock.
(component
  (import "wasi:clocks/wall-clock@0.2.0" (instance)))
