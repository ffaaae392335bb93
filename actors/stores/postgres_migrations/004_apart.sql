-- Customers with partitions of their own: those above the 4096 of all others.

CREATE INDEX customer_apart ON customer (p, number) WHERE p >= 4096;

-- Adds a partition that somebody owns under epoch 1; returns its number.
CREATE FUNCTION open_partition_1(new_owner text) RETURNS integer LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    new_p integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('righttime partitions'));
    SELECT greatest(max(p) + 1, 4096) INTO new_p FROM partition;
    INSERT INTO partition VALUES (new_p, new_owner, 1);
    PERFORM count_1(ARRAY['map_version'], ARRAY[1::bigint]);
    RETURN new_p;
END $$;

-- Moves a customer as she is, with her timers and effects, if both partitions are held as is believed.
CREATE FUNCTION rehome_1(who bigint, of_p integer, of_epoch bigint, to_p integer, to_epoch bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    found_n integer;
BEGIN
    SELECT count(*) INTO found_n FROM (
        SELECT 1 FROM partition WHERE (p = of_p AND epoch = of_epoch) OR (p = to_p AND epoch = to_epoch)
        ORDER BY p FOR SHARE) AS held;
    IF of_p = to_p OR found_n <> 2 THEN
        RETURN false;
    END IF;
    UPDATE customer SET p = to_p WHERE number = who AND p = of_p;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE timer SET p = to_p WHERE customer = who;
    UPDATE outbox SET p = to_p WHERE customer = who;
    PERFORM count_1(ARRAY['map_version'], ARRAY[1::bigint]);
    RETURN true;
END $$;
