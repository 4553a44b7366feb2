-- The ledger. An account is named by its owner and its kind; it is opened by the first
-- transfer into it. Names beginning with @ are the outside world (sinks and sources): they
-- hold no row and no running balance, so they are never hot.
--
-- The application may only insert transfers and holds: balances are moved here, by the
-- database, in the same statement, and no balance may fall below what is held of it.

create table account (
    project_id  integer not null,
    owner       text collate "C" not null check (owner <> '' and left(owner, 1) <> '@'),
    kind        text collate "C" not null
                check (kind in
                    ('uses', 'used', 'budget', 'customer_uses', 'claims', 'value', 'points')),
    balance     bigint not null,
    held        bigint not null default 0 check (held >= 0),
    granted     bigint not null,
    primary key (project_id, owner, kind),
    constraint account_not_overdrawn check (balance - held >= 0)
) with (fillfactor = 80);
call protect('account');

create table transfer (
    project_id  integer not null default current_project(),
    id          bigint generated always as identity,
    from_owner  text collate "C" not null,
    to_owner    text collate "C" not null,
    kind        text collate "C" not null,
    amount      bigint not null check (amount > 0),
    reversed    bigint not null default 0,
    cause       text collate "C" not null check (cause in
                ('issue', 'withdraw', 'redeem', 'return', 'expire', 'merge')),
    cause_id    text collate "C" not null,
    reverses    bigint,
    at          timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, reverses) references transfer,
    check (from_owner <> to_owner),
    check (left(from_owner, 1) <> '@' or from_owner in ('@issued', '@redeemed', '@unlimited')),
    check (left(to_owner, 1) <> '@' or to_owner in ('@issued', '@redeemed', '@unlimited', '@expired')),
    check (left(from_owner, 1) <> '@' or left(to_owner, 1) <> '@'),
    check ((cause = 'issue') = (from_owner = '@issued')),
    check ((cause = 'withdraw') = (to_owner = '@issued')),
    check ((cause = 'return') = (reverses is not null)),
    constraint transfer_not_returned_twice check (reversed between 0 and amount)
);
call protect('transfer');
create index transfer_cause on transfer (project_id, cause_id);
create index transfer_reverses on transfer (project_id, reverses) where reverses is not null;

create table hold (
    project_id  integer not null default current_project(),
    id          text collate "C" not null,
    owner       text collate "C" not null,
    kind        text collate "C" not null,
    amount      bigint not null check (amount > 0),
    state       text collate "C" not null default 'pending'
                check (state in ('pending', 'posted', 'released', 'expired')),
    cause_id    text collate "C" not null,
    expires_at  timestamptz not null,
    created_at  timestamptz not null,
    primary key (project_id, id, owner, kind),
    foreign key (project_id, owner, kind) references account
);
call protect('hold');
create index hold_pending on hold (project_id, owner, kind) where state = 'pending';
create index hold_expiry on hold (project_id, expires_at) where state = 'pending';

-- Applies new transfers to the accounts they name. Callers lock those accounts first, in
-- primary-key order, when a statement moves more than one (kaquan.ledger does).
create function apply_transfers() returns trigger
    language plpgsql security definer set search_path = kaquan, pg_temp as $$
declare
    expected bigint;
    touched bigint;
begin
    with movement as (
        select project_id, from_owner as owner, kind,
               sum(amount) as amount,
               coalesce(sum(amount) filter (where cause = 'withdraw'), 0) as granted
          from fresh where left(from_owner, 1) <> '@' group by 1, 2, 3
    ), paid as (
        update account a
           set balance = a.balance - m.amount, granted = a.granted - m.granted
          from movement m
         where a.project_id = m.project_id and a.owner = m.owner and a.kind = m.kind
        returning 1
    )
    select (select count(*) from movement), (select count(*) from paid) into expected, touched;
    if expected <> touched then
        raise exception 'transfer from an account that was never opened'
            using errcode = 'foreign_key_violation', constraint = 'transfer_account_exists';
    end if;

    insert into account as a (project_id, owner, kind, balance, granted)
    select project_id, to_owner, kind, sum(amount),
           coalesce(sum(amount) filter (where cause = 'issue'), 0)
      from fresh where left(to_owner, 1) <> '@' group by 1, 2, 3 order by 1, 2, 3
    on conflict (project_id, owner, kind) do update
       set balance = a.balance + excluded.balance, granted = a.granted + excluded.granted;

    if exists (select from fresh where reverses is not null) then
        if exists (
            select from fresh f join transfer t
                on t.project_id = f.project_id and t.id = f.reverses
             where (t.from_owner, t.to_owner, t.kind) is distinct from
                   (f.to_owner, f.from_owner, f.kind)
        ) then
            raise exception 'a return must run exactly opposite to the transfer it reverses'
                using errcode = 'check_violation', constraint = 'transfer_return_opposite';
        end if;
        update transfer t set reversed = t.reversed + r.amount
          from (select project_id, reverses, sum(amount) as amount
                  from fresh where reverses is not null group by 1, 2) r
         where t.project_id = r.project_id and t.id = r.reverses;
    end if;
    return null;
end $$;
create trigger apply_transfers after insert on transfer
    referencing new table as fresh for each statement execute function apply_transfers();

create function apply_new_holds() returns trigger
    language plpgsql security definer set search_path = kaquan, pg_temp as $$
begin
    update account a set held = a.held + m.amount
      from (select project_id, owner, kind, sum(amount) as amount
              from fresh where state = 'pending' group by 1, 2, 3) m
     where a.project_id = m.project_id and a.owner = m.owner and a.kind = m.kind;
    return null;
end $$;
create trigger apply_new_holds after insert on hold
    referencing new table as fresh for each statement execute function apply_new_holds();

create function apply_ended_holds() returns trigger
    language plpgsql security definer set search_path = kaquan, pg_temp as $$
begin
    if exists (select from fresh f join stale s using (project_id, id, owner, kind)
                where s.state <> 'pending' or f.state = 'pending' or f.amount <> s.amount) then
        raise exception 'a hold ends once and never changes otherwise'
            using errcode = 'check_violation', constraint = 'hold_ends_once';
    end if;
    update account a set held = a.held - m.amount
      from (select project_id, owner, kind, sum(amount) as amount
              from stale group by 1, 2, 3) m
     where a.project_id = m.project_id and a.owner = m.owner and a.kind = m.kind;
    return null;
end $$;
create trigger apply_ended_holds after update on hold
    referencing old table as stale new table as fresh
    for each statement execute function apply_ended_holds();
