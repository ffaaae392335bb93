-- Claims and results of attempts. RT001: something is not as the caller believed.

-- `won` are ids that are claimed; `held` ids that wait again. `seqs` are of customers whose states
-- were judged by, `pauses` the switches thrown then, in order.
CREATE FUNCTION claim_effects_1(
    e_p integer[], e_epoch bigint[], s_number bigint[], s_seq bigint[], switches text[],
    w_id bigint[], w_state smallint[], w_attempts integer[], w_next bigint,
    h_id bigint[], h_state smallint[], h_attempts integer[], h_next bigint[], h_why text[],
    now_ms bigint
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    n integer;
    pending bigint := 0;
    sending bigint := 0;
BEGIN
    PERFORM own_1(e_p, e_epoch);
    SELECT count(*) INTO n FROM (
        SELECT 1 FROM customer JOIN unnest(s_number, s_seq) AS w(number, seq) ON customer.number = w.number
        WHERE customer.seq = w.seq ORDER BY customer.number FOR SHARE OF customer) AS held;
    IF n <> cardinality(s_number) THEN
        RAISE EXCEPTION 'a customer has another seq' USING ERRCODE = 'RT001';
    END IF;
    IF switches <> ARRAY(SELECT name FROM pause ORDER BY name) THEN
        RAISE EXCEPTION 'a switch was thrown' USING ERRCODE = 'RT001';
    END IF;
    UPDATE outbox SET state = 1, attempts = outbox.attempts + 1, next_at = w_next,
            committed_at = CASE outbox.attempts WHEN 0 THEN now_ms ELSE committed_at END
        FROM unnest(w_id, w_state, w_attempts) AS w(id, state, attempts)
        WHERE outbox.id = w.id AND outbox.state = w.state AND outbox.attempts = w.attempts;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n <> cardinality(w_id) THEN
        RAISE EXCEPTION 'an effect is not as it was' USING ERRCODE = 'RT001';
    END IF;
    UPDATE outbox SET state = 0, next_at = w.next_at, error = w.why
        FROM unnest(h_id, h_state, h_attempts, h_next, h_why) AS w(id, state, attempts, next_at, why)
        WHERE outbox.id = w.id AND outbox.state = w.state AND outbox.attempts = w.attempts;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n <> cardinality(h_id) THEN
        RAISE EXCEPTION 'an effect is not as it was' USING ERRCODE = 'RT001';
    END IF;
    SELECT count(*) FILTER (WHERE s = 0) INTO pending FROM unnest(w_state) AS s;
    SELECT count(*) FILTER (WHERE s = 1) INTO sending FROM unnest(h_state) AS s;
    PERFORM count_1(ARRAY['outbox_pending', 'outbox_sending'], ARRAY[sending - pending, pending - sending]);
END $$;

CREATE FUNCTION settle_1(
    r_customer bigint[], r_seq bigint[], r_n integer[], r_state smallint[], r_next bigint[], r_why text[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    names text[];
    ended bigint[];
BEGIN
    PERFORM 1 FROM outbox WHERE (customer, seq, n) IN (SELECT * FROM unnest(r_customer, r_seq, r_n))
        ORDER BY customer, seq, n FOR UPDATE;
    WITH done AS (
        UPDATE outbox SET state = w.state, next_at = w.next_at, error = w.why
        FROM (SELECT DISTINCT ON (customer, seq, n) * FROM
            unnest(r_customer, r_seq, r_n, r_state, r_next, r_why) WITH ORDINALITY
            AS x(customer, seq, n, state, next_at, why, i) ORDER BY customer, seq, n, i) AS w
        WHERE outbox.customer = w.customer AND outbox.seq = w.seq AND outbox.n = w.n
            AND outbox.state = 1
        RETURNING w.state
    )
    SELECT array_agg('outbox_' || (ARRAY['pending', 'sending', 'sent', 'parked', 'cancelled', 'expired',
        'held'])[state + 1]), array_agg(1::bigint) INTO names, ended FROM done;
    IF names IS NOT NULL THEN
        PERFORM count_1(names || ARRAY['outbox_sending'], ended || ARRAY[-cardinality(names)::bigint]);
    END IF;
END $$;

-- Takes over partitions that are still as expected; returns their new epochs by partition.
CREATE FUNCTION claim_partitions_1(ps integer[], owners text[], epochs bigint[], new_owner text)
RETURNS json LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    won json;
BEGIN
    PERFORM 1 FROM partition WHERE p = ANY(ps) ORDER BY p FOR UPDATE;
    WITH taken AS (
        UPDATE partition SET owner = new_owner, epoch = partition.epoch + 1
        FROM unnest(ps, owners, epochs) AS w(p, owner, epoch)
        WHERE partition.p = w.p AND partition.owner = w.owner COLLATE "C" AND partition.epoch = w.epoch
        RETURNING partition.p, partition.epoch
    ) SELECT json_object_agg(p, epoch) INTO won FROM taken;
    IF won IS NOT NULL THEN
        PERFORM count_1(ARRAY['map_version'], ARRAY[1::bigint]);
    END IF;
    RETURN coalesce(won, '{}'::json);
END $$;

-- The month of the journal in which an instant lies; in which case nothing happens if it is there.
CREATE FUNCTION journal_month_1(at_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    first timestamp := date_trunc('month', timestamp 'epoch' + at_ms * interval '1 millisecond');
    part text := 'journal_' || to_char(first, 'YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('righttime journal'));
    IF to_regclass(quote_ident(current_schema()) || '.' || part) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF journal FOR VALUES FROM (%s) TO (%s)', part,
            (extract(epoch FROM first) * 1000)::bigint,
            (extract(epoch FROM first + interval '1 month') * 1000)::bigint);
    END IF;
END $$;

CREATE FUNCTION forget_flows_1(before_day bigint, most integer) RETURNS integer LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    n integer;
BEGIN
    PERFORM 1 FROM counter WHERE name = 'journal_offset' FOR UPDATE;
    WITH old AS (
        DELETE FROM segment_flow WHERE (segment, day) IN (SELECT segment, day FROM segment_flow
            WHERE day >= 0 AND day < before_day ORDER BY day, segment LIMIT most)
        RETURNING segment, entered, gone
    ), folded AS (
        INSERT INTO segment_flow AS f SELECT segment, -1, sum(entered), sum(gone) FROM old GROUP BY 1
        ON CONFLICT (segment, day) DO UPDATE
            SET entered = f.entered + excluded.entered, gone = f.gone + excluded.gone
    ) SELECT count(*) INTO n FROM old;
    RETURN n;
END $$;

CREATE FUNCTION watch_1(timer_key text, due_ms bigint, after_number bigint, most integer)
RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    last bigint;
    fresh bigint;
BEGIN
    PERFORM 1 FROM customer WHERE number > after_number ORDER BY number LIMIT most FOR SHARE;
    SELECT max(number) INTO last FROM (
        SELECT number FROM customer WHERE number > after_number ORDER BY number LIMIT most) AS x;
    IF last IS NULL THEN
        RETURN NULL;
    END IF;
    WITH wanted AS (
        SELECT number, p FROM customer WHERE number > after_number AND number <= last
            AND substr(state, 1, 1) <> '\x00'
    ), written AS (
        INSERT INTO timer AS t SELECT number, timer_key, p, due_ms FROM wanted
        ON CONFLICT (customer, key) DO UPDATE SET due = excluded.due, p = excluded.p
            WHERE t.due > excluded.due
        RETURNING t.xmax = 0 AS inserted
    ) SELECT count(*) FILTER (WHERE inserted) INTO fresh FROM written;
    PERFORM count_1(ARRAY['timers'], ARRAY[fresh]);
    RETURN last;
END $$;
