;; A component whose guest has other functions.
(component
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (instance $guest (export "describe" (func $f)))
  (export "chameleon:transform/guest@0.1.0" (instance $guest)))
