-- What one call does in one transaction. Each function writes all of what it is given or, with an
-- error RT001 (something is not as the caller believed) or RT002 (a lease is too small), nothing.
-- Every function takes its locks in the same order: partitions, customers, messages, identities,
-- effects, budgets, and last the row `journal_offset`, which stays locked until the commit: so
-- offsets are given in commit order, and rows that everybody writes never deadlock.

CREATE FUNCTION count_1(names text[], more bigint[]) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM 1 FROM counter WHERE name = 'journal_offset' FOR UPDATE;
    UPDATE counter SET n = counter.n + w.n
    FROM (SELECT name, sum(n) AS n FROM unnest(names, more) AS u(name, n) GROUP BY name) AS w
    WHERE counter.name = w.name AND w.n <> 0;
END $$;

CREATE FUNCTION own_1(ps integer[], epochs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    found_n integer;
BEGIN
    SELECT count(*) INTO found_n FROM (
        SELECT 1 FROM partition JOIN unnest(ps, epochs) AS w(p, epoch) ON partition.p = w.p
        WHERE partition.epoch = w.epoch ORDER BY partition.p FOR SHARE OF partition) AS held;
    IF found_n <> cardinality(ps) THEN
        RAISE EXCEPTION 'a partition has another epoch' USING ERRCODE = 'RT001';
    END IF;
END $$;

CREATE FUNCTION spend_1(wanted jsonb, outdated jsonb, me text, exact boolean)
RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s record;
    slow boolean := exact;
    n integer;
    total bigint;
BEGIN
    IF NOT slow THEN
        SELECT count(*) > count(DISTINCT (w.name, w.bucket)) OR bool_or(l.name IS NULL
            OR l.lim <> w.lim OR l.since <> w.since OR l.until <> w.until
            OR l.spent + w.amount > l.granted) INTO slow
        FROM jsonb_to_recordset(wanted) AS w(name text, bucket bigint, since bigint, until bigint,
            lim bigint, amount bigint, allowed bigint)
        LEFT JOIN budget_lease l ON l.name = w.name COLLATE "C" AND l.bucket = w.bucket AND l.owner = me;
    END IF;
    IF NOT slow THEN
        UPDATE budget_lease l SET spent = l.spent + w.amount
        FROM jsonb_to_recordset(wanted) AS w(name text, bucket bigint, since bigint, until bigint,
            lim bigint, amount bigint, allowed bigint)
        WHERE l.name = w.name COLLATE "C" AND l.bucket = w.bucket AND l.owner = me
            AND l.lim = w.lim AND l.since = w.since AND l.until = w.until
            AND l.spent + w.amount <= l.granted;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> jsonb_array_length(wanted) THEN
            RAISE EXCEPTION 'a lease was reclaimed' USING ERRCODE = 'RT002';
        END IF;
        RETURN;
    END IF;

    INSERT INTO budget (name) SELECT DISTINCT w.name COLLATE "C" AS name
        FROM jsonb_to_recordset(wanted) AS w(name text) ORDER BY 1 ON CONFLICT DO NOTHING;
    PERFORM 1 FROM budget WHERE name IN (
        SELECT w.name COLLATE "C" FROM jsonb_to_recordset(wanted) AS w(name text))
        ORDER BY name FOR UPDATE;
    INSERT INTO budget_lease SELECT DISTINCT w.name COLLATE "C", w.bucket, me, 0, 0, 0, 0, 0
        FROM jsonb_to_recordset(wanted) AS w(name text, bucket bigint) ORDER BY 1, 2
        ON CONFLICT DO NOTHING;
    FOR s IN SELECT * FROM jsonb_to_recordset(wanted) AS w(name text, bucket bigint, since bigint,
            until bigint, lim bigint, amount bigint, allowed bigint) ORDER BY name COLLATE "C", bucket
    LOOP
        SELECT sum(granted) INTO total FROM budget_lease l
            WHERE l.name = s.name COLLATE "C" AND l.bucket BETWEEN s.since AND s.until;
        IF total > s.allowed THEN
            -- Waits for transactions that spend from these leases, and lets them spend no more.
            PERFORM 1 FROM budget_lease l WHERE l.name = s.name COLLATE "C"
                AND l.bucket BETWEEN s.since AND s.until ORDER BY bucket, owner FOR UPDATE;
            UPDATE budget_lease l SET granted = l.spent WHERE l.name = s.name COLLATE "C"
                AND l.bucket BETWEEN s.since AND s.until AND l.granted > l.spent;
            SELECT sum(spent) INTO total FROM budget_lease l
                WHERE l.name = s.name COLLATE "C" AND l.bucket BETWEEN s.since AND s.until;
            IF total > s.allowed THEN
                RAISE EXCEPTION 'a budget has not enough left' USING ERRCODE = 'RT001';
            END IF;
        END IF;
    END LOOP;
    FOR s IN SELECT name, bucket, sum(amount)::bigint AS amount, min(lim) AS lim,
            min(since) AS since, max(until) AS until, count(*) AS windows
        FROM jsonb_to_recordset(wanted) AS w(name text, bucket bigint, since bigint,
            until bigint, lim bigint, amount bigint, allowed bigint)
        GROUP BY name, bucket ORDER BY name COLLATE "C", bucket
    LOOP
        UPDATE budget_lease l SET spent = l.spent + s.amount,
            granted = CASE s.windows WHEN 1 THEN greatest(l.granted, l.spent + s.amount)
                ELSE l.spent + s.amount END,
            lim = s.lim, since = s.since, until = s.until
        WHERE l.name = s.name COLLATE "C" AND l.bucket = s.bucket AND l.owner = me;
        IF s.windows = 1 THEN
            SELECT s.lim - sum(granted) INTO total FROM budget_lease l
                WHERE l.name = s.name COLLATE "C" AND l.bucket BETWEEN s.since AND s.until;
            UPDATE budget_lease l SET granted = l.granted + total / 4
                WHERE l.name = s.name COLLATE "C" AND l.bucket = s.bucket AND l.owner = me AND total > 3;
        END IF;
    END LOOP;
    FOR s IN SELECT * FROM jsonb_to_recordset(outdated) AS w(name text, before bigint) LOOP
        DELETE FROM budget_lease l WHERE (l.name, l.bucket, l.owner) IN (
            SELECT o.name, o.bucket, o.owner FROM budget_lease o
            WHERE o.name = s.name COLLATE "C" AND o.bucket < s.before FOR UPDATE SKIP LOCKED);
    END LOOP;
END $$;

-- Gives back what effects have taken that ended before any attempt: to the giver's own lease, whose
-- `spent` may fall below zero, so that the sum over all leases stays what is really spent.
CREATE FUNCTION give_back_1(ids bigint[], me text) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO budget_lease AS l (name, bucket, owner, granted, spent, lim, since, until)
        SELECT item ->> 0, (item ->> 1)::bigint, me, 0, -sum((item ->> 2)::bigint), 0, 0, 0
        FROM outbox CROSS JOIN LATERAL jsonb_array_elements(spends) AS item
        WHERE id = ANY(ids) AND attempts = 0 AND state IN (4, 5) AND spends IS NOT NULL
        GROUP BY 1, 2 ORDER BY (item ->> 0) COLLATE "C", 2
        ON CONFLICT (name, bucket, owner) DO UPDATE SET spent = l.spent + excluded.spent;
    UPDATE outbox SET spends = NULL
        WHERE id = ANY(ids) AND attempts = 0 AND state IN (4, 5) AND spends IS NOT NULL;
END $$;

-- Returns the effects that ended. `moves` are [customer, seq, n, state, at], `ends` [customer, seq, n, state, why].
CREATE FUNCTION move_1(moves jsonb, ends jsonb, now_ms bigint, OUT ended bigint[], OUT counts bigint[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s record;
BEGIN
    counts := array_fill(0::bigint, ARRAY[7]);
    ended := '{}';
    PERFORM 1 FROM outbox WHERE (customer, seq, n) IN (
        SELECT (w ->> 0)::bigint, (w ->> 1)::bigint, (w ->> 2)::integer
        FROM jsonb_array_elements(moves || ends) AS w) ORDER BY customer, seq, n FOR UPDATE;
    FOR s IN SELECT o.id, o.state AS before, (w ->> 3)::smallint AS state, (w ->> 4)::bigint AS at
        FROM jsonb_array_elements(moves) AS w JOIN outbox o ON o.customer = (w ->> 0)::bigint
            AND o.seq = (w ->> 1)::bigint AND o.n = (w ->> 2)::integer
        WHERE o.state IN (0, 6)
    LOOP
        UPDATE outbox SET state = s.state, next_at = now_ms, send_at = s.at WHERE id = s.id;
        counts[s.before + 1] := counts[s.before + 1] - 1;
        counts[s.state + 1] := counts[s.state + 1] + 1;
    END LOOP;
    FOR s IN SELECT o.id, o.state AS before, (w ->> 3)::smallint AS state, w ->> 4 AS why
        FROM jsonb_array_elements(ends) AS w JOIN outbox o ON o.customer = (w ->> 0)::bigint
            AND o.seq = (w ->> 1)::bigint AND o.n = (w ->> 2)::integer
        WHERE o.state IN (0, 6)
    LOOP
        UPDATE outbox SET state = s.state, error = CASE s.why WHEN '' THEN error ELSE s.why END
            WHERE id = s.id;
        counts[s.before + 1] := counts[s.before + 1] - 1;
        counts[s.state + 1] := counts[s.state + 1] + 1;
        ended := ended || s.id;
    END LOOP;
END $$;

-- Empties and deletes all that is stored about some customers; their rows in segments stay for later.
CREATE FUNCTION erase_1(erasure jsonb, OUT timers bigint, OUT counts bigint[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    numbers bigint[] := ARRAY(SELECT jsonb_array_elements_text(erasure -> 'numbers')::bigint);
    s record;
BEGIN
    counts := array_fill(0::bigint, ARRAY[7]);
    UPDATE journal SET payload = '' WHERE customer = ANY(numbers) AND payload <> '';
    UPDATE journal SET payload = decode(w ->> 2, 'hex')
        FROM jsonb_array_elements(erasure -> 'rewritten') AS w
        WHERE customer = (w ->> 0)::bigint AND seq = (w ->> 1)::bigint;
    FOR s IN SELECT id, state FROM outbox WHERE customer = ANY(numbers)
        ORDER BY customer, seq, n FOR UPDATE
    LOOP
        UPDATE outbox SET payload = '', error = '',
            state = CASE WHEN state IN (0, 1, 6) THEN 4 ELSE state END WHERE id = s.id;
        IF s.state IN (0, 1, 6) THEN
            counts[s.state + 1] := counts[s.state + 1] - 1;
            counts[5] := counts[5] + 1;
        END IF;
    END LOOP;
    DELETE FROM identity WHERE customer = ANY(numbers);
    DELETE FROM timer WHERE customer = ANY(numbers);
    GET DIAGNOSTICS timers = ROW_COUNT;
    DELETE FROM group_member WHERE customer = ANY(numbers);
    INSERT INTO tombstone SELECT decode(w, 'hex'), (erasure ->> 'at')::bigint
        FROM jsonb_array_elements_text(erasure -> 'tombstones') AS w ORDER BY 1
        ON CONFLICT (hash) DO UPDATE SET erased_at = excluded.erased_at;
END $$;

-- Segments: rows are [segment, customer, day] and [segment, customer, since, day]. Leaving comes first;
-- entering again replaces since when and is not counted. Call it with `journal_offset` locked.
CREATE FUNCTION segments_1(gone jsonb, entered jsonb, erased jsonb) RETURNS void
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    WITH wiped AS (
        DELETE FROM membership USING jsonb_array_elements(erased) AS w
        WHERE membership.customer = (w ->> 0)::bigint
        RETURNING membership.segment, (w ->> 1)::bigint AS day
    ), counted AS (SELECT segment, day, count(*) AS n FROM wiped GROUP BY 1, 2)
    INSERT INTO segment_flow SELECT segment, day, 0, n FROM counted
        ON CONFLICT (segment, day) DO UPDATE SET gone = segment_flow.gone + excluded.gone;
    WITH leaving AS (
        DELETE FROM membership USING jsonb_array_elements(gone) AS w
        WHERE membership.segment = (w ->> 0) COLLATE "C" AND membership.customer = (w ->> 1)::bigint
        RETURNING membership.segment, (w ->> 2)::bigint AS day
    ), counted AS (SELECT segment, day, count(*) AS n FROM leaving GROUP BY 1, 2)
    INSERT INTO segment_flow SELECT segment, day, 0, n FROM counted
        ON CONFLICT (segment, day) DO UPDATE SET gone = segment_flow.gone + excluded.gone;
    WITH counted AS (
        SELECT (w ->> 0) COLLATE "C" AS segment, (w ->> 3)::bigint AS day, count(*) AS n
        FROM jsonb_array_elements(entered) AS w WHERE NOT EXISTS (SELECT 1 FROM membership
            WHERE membership.segment = (w ->> 0) COLLATE "C" AND membership.customer = (w ->> 1)::bigint)
        GROUP BY 1, 2
    )
    INSERT INTO segment_flow SELECT segment, day, n, 0 FROM counted
        ON CONFLICT (segment, day) DO UPDATE SET entered = segment_flow.entered + excluded.entered;
    INSERT INTO membership
        SELECT w ->> 0, (w ->> 1)::bigint, (w ->> 2)::bigint FROM jsonb_array_elements(entered) AS w
        ON CONFLICT (segment, customer) DO UPDATE SET since = excluded.since;
END $$;

-- Groups: {kind, id, before, state, members: [[customer, since, left_at]], gone: [customer]}.
-- Call it with `journal_offset` locked: a seq is one that no record of this key has ever had.
CREATE FUNCTION groups_1(writes jsonb) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    w record;
    first bigint;
    n integer;
BEGIN
    FOR w IN SELECT * FROM jsonb_to_recordset(writes) AS x(kind text, id text, before bigint,
            state text, members jsonb, gone jsonb) ORDER BY state <> '', kind COLLATE "C", id COLLATE "C"
    LOOP
        IF w.state = '' THEN
            DELETE FROM customer_group g WHERE g.kind = w.kind COLLATE "C" AND g.id = w.id COLLATE "C"
                AND g.seq = w.before;
            GET DIAGNOSTICS n = ROW_COUNT;
            IF w.before = 0 THEN
                n := 1 - (SELECT count(*) FROM customer_group g
                    WHERE g.kind = w.kind COLLATE "C" AND g.id = w.id COLLATE "C");
            END IF;
            DELETE FROM group_member g WHERE g.kind = w.kind COLLATE "C" AND g.id = w.id COLLATE "C";
            UPDATE counter SET n = greatest(counter.n, w.before) WHERE name = 'group_seq';
        ELSIF w.before = 0 THEN
            SELECT counter.n INTO first FROM counter WHERE name = 'group_seq';
            INSERT INTO customer_group VALUES (w.kind, w.id, first + 1, decode(w.state, 'hex'))
                ON CONFLICT DO NOTHING;
            GET DIAGNOSTICS n = ROW_COUNT;
        ELSE
            UPDATE customer_group g SET seq = w.before + 1, state = decode(w.state, 'hex')
                WHERE g.kind = w.kind COLLATE "C" AND g.id = w.id COLLATE "C" AND g.seq = w.before;
            GET DIAGNOSTICS n = ROW_COUNT;
        END IF;
        IF n <> 1 THEN
            RAISE EXCEPTION 'a group has another seq' USING ERRCODE = 'RT001';
        END IF;
        IF w.state <> '' THEN
            DELETE FROM group_member g USING jsonb_array_elements_text(w.gone) AS c
                WHERE g.kind = w.kind COLLATE "C" AND g.id = w.id COLLATE "C" AND g.customer = c::bigint;
            INSERT INTO group_member SELECT w.kind, w.id, (m ->> 0)::bigint, (m ->> 1)::bigint,
                (m ->> 2)::bigint FROM jsonb_array_elements(w.members) AS m
                ON CONFLICT (kind, id, customer)
                DO UPDATE SET since = excluded.since, left_at = excluded.left_at;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION commit_1(
    c_number bigint[], c_p integer[], c_before bigint[], c_after bigint[], c_state bytea[],
    e_p integer[], e_epoch bigint[],
    j_customer bigint[], j_seq bigint[], j_at bigint[], j_kind smallint[], j_payload bytea[],
    m_hash bytea[], m_fingerprint bytea[], m_customer bigint[], m_seq bigint[],
    i_digest bytea[], i_kind text[], i_value text[], i_customer bigint[],
    a_digest bytea[], a_customer bigint[],
    d_customer bigint[], d_key text[],
    t_customer bigint[], t_key text[], t_p integer[], t_due bigint[],
    o_customer bigint[], o_seq bigint[], o_n integer[], o_p integer[], o_state smallint[],
    o_channel text[], o_send_at bigint[], o_expires_at bigint[], o_spends text[], o_payload bytea[],
    more jsonb, now_ms bigint, me text, exact boolean
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    n integer;
    known integer;
    fresh integer;
    timers bigint := 0;
    head bigint;
    ended bigint[] := '{}';
    counts bigint[] := array_fill(0::bigint, ARRAY[7]);
    got record;
    i integer;
BEGIN
    PERFORM own_1(e_p, e_epoch);

    SELECT count(*) FILTER (WHERE b > 0), count(*) FILTER (WHERE b = 0) INTO known, fresh
        FROM unnest(c_before) AS b;
    UPDATE customer SET seq = w.after, state = w.state
        FROM unnest(c_number, c_p, c_before, c_after, c_state) AS w(number, p, before, after, state)
        WHERE customer.number = w.number AND customer.seq = w.before AND customer.p = w.p
            AND w.before > 0;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n <> known THEN
        RAISE EXCEPTION 'a customer has another seq' USING ERRCODE = 'RT001';
    END IF;
    IF fresh > 0 THEN
        INSERT INTO customer (number, p, seq, state)
            SELECT w.number, w.p, w.after, w.state
            FROM unnest(c_number, c_p, c_before, c_after, c_state) AS w(number, p, before, after, state)
            WHERE w.before = 0 ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> fresh THEN
            RAISE EXCEPTION 'a customer is not new' USING ERRCODE = 'RT001';
        END IF;
    END IF;

    INSERT INTO dedupe SELECT hash, fingerprint, customer, seq, now_ms
        FROM unnest(m_hash, m_fingerprint, m_customer, m_seq) AS w(hash, fingerprint, customer, seq)
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n <> cardinality(m_hash) THEN
        RAISE EXCEPTION 'a message is known' USING ERRCODE = 'RT001';
    END IF;

    IF more IS NOT NULL THEN
        FOR got IN SELECT e.* FROM jsonb_array_elements(more -> 'erasures') AS x, erase_1(x) AS e LOOP
            timers := timers - got.timers;
            FOR i IN 1..7 LOOP counts[i] := counts[i] + got.counts[i]; END LOOP;
        END LOOP;
    END IF;

    IF cardinality(i_digest) > 0 THEN
        INSERT INTO identity AS old (digest, customer, kind, value)
            SELECT digest, customer, kind, value
            FROM unnest(i_digest, i_kind, i_value, i_customer) AS w(digest, kind, value, customer)
            ON CONFLICT (digest) DO UPDATE SET customer = excluded.customer
            WHERE old.customer = excluded.customer OR (old.digest, old.customer) IN (
                SELECT * FROM unnest(a_digest, a_customer));
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n <> cardinality(i_digest) THEN
            RAISE EXCEPTION 'an identity belongs to somebody else' USING ERRCODE = 'RT001';
        END IF;
    END IF;

    IF cardinality(d_customer) > 0 THEN
        DELETE FROM timer USING unnest(d_customer, d_key) AS w(customer, key)
            WHERE timer.customer = w.customer AND timer.key = w.key COLLATE "C";
        GET DIAGNOSTICS n = ROW_COUNT;
        timers := timers - n;
        INSERT INTO timer SELECT * FROM unnest(t_customer, t_key, t_p, t_due);
        timers := timers + cardinality(t_customer);
    END IF;

    IF cardinality(o_customer) > 0 THEN
        INSERT INTO outbox (customer, seq, n, p, state, attempts, channel, committed_at, next_at,
                send_at, expires_at, error, spends, payload)
            SELECT customer, seq, w.n, p, state, 0, channel, now_ms, now_ms, send_at, expires_at, '',
                spends::jsonb, payload
            FROM unnest(o_customer, o_seq, o_n, o_p, o_state, o_channel, o_send_at, o_expires_at,
                o_spends, o_payload) AS w(customer, seq, n, p, state, channel, send_at, expires_at,
                spends, payload);
        FOREACH i IN ARRAY o_state LOOP counts[i + 1] := counts[i + 1] + 1; END LOOP;
    END IF;

    IF more IS NOT NULL THEN
        IF more -> 'moves' <> '[]' OR more -> 'ends' <> '[]' THEN
            SELECT * INTO got FROM move_1(more -> 'moves', more -> 'ends', now_ms);
            ended := got.ended;
            FOR i IN 1..7 LOOP counts[i] := counts[i] + got.counts[i]; END LOOP;
        END IF;
        IF more -> 'spends' <> '[]' THEN
            PERFORM spend_1(more -> 'spends', more -> 'outdated', me, exact);
        END IF;
        IF cardinality(ended) > 0 THEN
            PERFORM give_back_1(ended, me);
        END IF;
    END IF;

    UPDATE counter SET n = counter.n + cardinality(j_customer) WHERE name = 'journal_offset'
        RETURNING counter.n - cardinality(j_customer) INTO head;
    IF more IS NOT NULL THEN
        IF more -> 'gone' <> '[]' OR more -> 'entered' <> '[]' OR more -> 'erased' <> '[]' THEN
            PERFORM segments_1(more -> 'gone', more -> 'entered', more -> 'erased');
        END IF;
        IF more -> 'groups' <> '[]' THEN
            PERFORM groups_1(more -> 'groups');
        END IF;
        INSERT INTO scenario_step AS s SELECT w ->> 0, w ->> 1, w ->> 2, (w ->> 3)::bigint,
                (w ->> 4)::bigint, (w ->> 5)::bigint FROM jsonb_array_elements(more -> 'counts') AS w
            ON CONFLICT (scenario, digest, step) DO UPDATE SET waiting = s.waiting + excluded.waiting,
                passed = s.passed + excluded.passed, gone = s.gone + excluded.gone;
    END IF;
    INSERT INTO journal SELECT head + w.i, customer, seq, at, kind, payload
        FROM unnest(j_customer, j_seq, j_at, j_kind, j_payload)
        WITH ORDINALITY AS w(customer, seq, at, kind, payload, i);
    UPDATE counter SET n = counter.n + w.more
        FROM unnest(ARRAY['customers', 'turns', 'timers', 'outbox_pending', 'outbox_sending',
            'outbox_sent', 'outbox_parked', 'outbox_cancelled', 'outbox_expired', 'outbox_held'],
            ARRAY[fresh, cardinality(j_customer), timers] || counts) AS w(name, more)
        WHERE counter.name = w.name COLLATE "C" AND w.more <> 0;
END $$;
