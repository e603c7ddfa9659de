;; Keeps the rows whose second column is even, and says which came and went.
(module
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 4096))
  (data (i32.const 16) "wat 0.1.0")
  ;; verdicts of insert, update, delete and refresh: neither, old, new, both
  (data (i32.const 64) "\01\01\00\00" "\01\03\04\00" "\01\00\01\00" "\01\01\00\00")
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

  ;; the operation of a row
  (func $op (param $ops i32) (param $len i32) (param $row i32) (result i32)
    (if (result i32) (local.get $len)
      (then (i32.load8_u (i32.add (local.get $ops) (local.get $row))))
      (else (i32.const 0))))

  ;; 1 where the second column of these vectors, whole numbers, is even in a row
  (func $even (param $vectors i32) (param $row i32) (result i32)
    (i32.eqz (i32.and (i32.const 1) (i32.wrap_i64 (i64.load (i32.add
      (i32.load offset=56 (local.get $vectors)) (i32.mul (local.get $row) (i32.const 8))))))))

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
    (local $n i32) (local $c i32) (local $t i32)
    (local $reads i32) (local $outs i32) (local $route i32) (local $r i32)
    (local.set $reads (call $alloc (i32.mul (local.get $count) (i32.const 4))))
    (local.set $outs (call $alloc (i32.mul (local.get $count) (i32.const 32))))
    (block $done (loop $each
      (br_if $done (i32.ge_u (local.get $n) (local.get $count)))
      (local.set $c (i32.add (local.get $columns) (i32.mul (local.get $n) (i32.const 56))))
      (local.set $t (i32.add (local.get $outs) (i32.mul (local.get $n) (i32.const 32))))
      (i32.store (i32.add (local.get $reads) (i32.mul (local.get $n) (i32.const 4))) (local.get $n))
      ;; name, no type of its own, nullable as it is, replaced
      (i32.store (local.get $t) (i32.load (local.get $c)))
      (i32.store offset=4 (local.get $t) (i32.load offset=4 (local.get $c)))
      (i32.store offset=8 (local.get $t) (i32.const 0))
      (i32.store8 offset=20 (local.get $t) (i32.load8_u offset=48 (local.get $c)))
      (i32.store8 offset=24 (local.get $t) (i32.const 1))
      (i32.store offset=28 (local.get $t) (local.get $n))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $each)))
    (local.set $route (call $alloc (i32.const 16)))
    (i32.store (local.get $route) (local.get $schema))
    (i32.store offset=4 (local.get $route) (local.get $schema-len))
    (i32.store offset=8 (local.get $route) (local.get $name))
    (i32.store offset=12 (local.get $route) (local.get $name-len))
    ;; ok(apply(..)): reads of both images, columns, no key, one route, all operations
    (local.set $r (call $alloc (i32.const 64)))
    (memory.fill (local.get $r) (i32.const 0) (i32.const 64))
    (i32.store8 offset=4 (local.get $r) (i32.const 2))
    (i32.store offset=8 (local.get $r) (local.get $reads))
    (i32.store offset=12 (local.get $r) (local.get $count))
    (i32.store offset=16 (local.get $r) (local.get $reads))
    (i32.store offset=20 (local.get $r) (local.get $count))
    (i32.store offset=28 (local.get $r) (local.get $outs))
    (i32.store offset=32 (local.get $r) (local.get $count))
    (i32.store offset=48 (local.get $r) (local.get $route))
    (i32.store offset=52 (local.get $r) (i32.const 1))
    (i32.store8 offset=56 (local.get $r) (i32.const 15))
    (i32.store8 offset=58 (local.get $r) (i32.const 1))
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
    (local.set $v (call $alloc (local.get $rows)))
    (i32.store offset=4 (local.get $r) (local.get $v))
    (i32.store offset=8 (local.get $r) (local.get $rows))
    (block $done (loop $each
      (br_if $done (i32.ge_u (local.get $n) (local.get $rows)))
      ;; 2 for the new image, 1 for the old one; a verdict for each sum
      (i32.store8 (i32.add (local.get $v) (local.get $n)) (i32.load8_u offset=64 (i32.add
        (i32.mul (call $op (local.get $ops) (local.get $ops-len) (local.get $n)) (i32.const 4))
        (i32.add
          (i32.mul (i32.const 2) (call $even (local.get $after) (local.get $n)))
          (call $even (local.get $before) (local.get $n))))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $each)))
    (local.get $r))

  (func $free (param i32)
    (global.set $top (i32.const 4096)))
  (export "cabi_post_chameleon:transform/guest@0.1.0#describe" (func $free))
  (export "cabi_post_chameleon:transform/guest@0.1.0#configure" (func $free))
  (export "cabi_post_chameleon:transform/guest@0.1.0#plan-table" (func $free))
  (export "cabi_post_chameleon:transform/guest@0.1.0#transform" (func $free))
)
