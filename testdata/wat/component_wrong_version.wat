;; A component that imports the host in version 0.2.0.
(component
  (import "chameleon:transform/host@0.2.0" (instance)))
