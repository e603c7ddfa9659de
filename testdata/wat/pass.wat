;; Lets every table pass.
(module
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 4096))
  (data (i32.const 16) "wat 0.1.0")
  ;; returns the address of a new block; all blocks are given back when a call has ended
  (func $alloc (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get $size)))
    (block $room
      (br_if $room (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $room (i32.ne (i32.const -1) (memory.grow
        (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const 65536))))))
      unreachable)
    (local.get $at))

  (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $new i32)
    (result i32)
    (call $alloc (local.get $new)))

  ;; ok without anything
  (func $ok (result i32)
    (local $r i32)
    (local.set $r (call $alloc (i32.const 32)))
    (memory.fill (local.get $r) (i32.const 0) (i32.const 32))
    (local.get $r))

  ;; an error of that kind with the words at an address
  (func $refuse (param $kind i32) (param $words i32) (param $len i32) (result i32)
    (local $r i32)
    (local.set $r (call $ok))
    (i32.store8 (local.get $r) (i32.const 1))
    (i32.store8 offset=4 (local.get $r) (local.get $kind))
    (i32.store offset=8 (local.get $r) (local.get $words))
    (i32.store offset=12 (local.get $r) (local.get $len))
    (local.get $r))

  (func (export "chameleon:transform/guest@0.1.0#describe") (result i32)
    (local $r i32)
    (local.set $r (call $alloc (i32.const 28)))
    (memory.fill (local.get $r) (i32.const 0) (i32.const 28))
    (i32.store (local.get $r) (i32.const 16))
    (i32.store offset=4 (local.get $r) (i32.const 4))
    (i32.store offset=8 (local.get $r) (i32.const 20))
    (i32.store offset=12 (local.get $r) (i32.const 5))
    (local.get $r))

  (func (export "chameleon:transform/guest@0.1.0#configure") (param $config i32) (param $len i32) (result i32)
    (call $ok))

  (func (export "chameleon:transform/guest@0.1.0#plan-table")
    (param $id i32) (param $schema i32) (param $schema-len i32) (param $name i32)
    (param $name-len i32) (param $columns i32) (param $count i32) (result i32)
    (local $r i32)
    (local.set $r (call $alloc (i32.const 64)))
    (memory.fill (local.get $r) (i32.const 0) (i32.const 64))
    (local.get $r))

  (func (export "chameleon:transform/guest@0.1.0#forget-table") (param $id i32))

  (func (export "chameleon:transform/guest@0.1.0#transform")
    (param $table i32) (param $rows i32) (param $snapshot i32) (param $ops i32) (param $ops-len i32)
    (param $after i32) (param $after-len i32) (param $before i32) (param $before-len i32)
    (param $meta i32) (param $micros i32) (param $micros-len i32) (param $ends i32)
    (param $ends-len i32) (param $data i32) (param $data-len i32) (result i32)
    (local $r i32) (local $n i32) (local $v i32)
    ;; ok: the vectors go back as they came
    (local.set $r (call $alloc (i32.const 56)))
    (memory.fill (local.get $r) (i32.const 0) (i32.const 56))
    (i32.store offset=20 (local.get $r) (local.get $after))
    (i32.store offset=24 (local.get $r) (local.get $after-len))
    (i32.store offset=28 (local.get $r) (local.get $before))
    (i32.store offset=32 (local.get $r) (local.get $before-len))
    unreachable
    (local.get $r))

  (func $free (param i32)
    (global.set $top (i32.const 4096)))
  (export "cabi_post_chameleon:transform/guest@0.1.0#describe" (func $free))
  (export "cabi_post_chameleon:transform/guest@0.1.0#configure" (func $free))
  (export "cabi_post_chameleon:transform/guest@0.1.0#plan-table" (func $free))
  (export "cabi_post_chameleon:transform/guest@0.1.0#transform" (func $free))
)
