-- Rows of {table}, and the sum over 64 bits of each row's SHA-256: the order does not matter.
-- Written so that it can run in parallel.
select count(*) as rows,
       coalesce(sum(('x' || left(encode(sha256(textsend(entry::text)), 'hex'), 16))
                        ::bit(64)::bigint), 0)::text as checksum
  from only {table} entry
