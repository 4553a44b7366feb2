-- Referral programmes: codes that people hand on, and what becomes of whom they brought.

-- {"new_customers_only", "reward", "referee_reward"}; null where the campaign is none.
alter table campaign add column referral jsonb;
alter table campaign add check (referral is null or kind = 'REFERRAL_PROGRAM');

-- One person brought into a programme, once for all. invited: named by hand, nothing used yet;
-- waiting: the code was used, and its order is not paid yet; rewarded; taken_back: the order came
-- back or the redemption was undone after the reward; void: the same before it, so that another
-- code may still bring the person. given: what was given, by role. due_at: when to look next;
-- fault: why a reward could not be given so far.
create table referral (
    project_id     integer not null default current_project(),
    id             text collate "C" not null,
    campaign_id    text collate "C" not null,
    voucher_id     text collate "C" not null,
    referrer_id    text collate "C" not null,
    referee_id     text collate "C" not null,
    redemption_id  text collate "C",
    order_id       text collate "C",
    state          text collate "C" not null
                   check (state in ('invited', 'waiting', 'rewarded', 'taken_back', 'void')),
    given          jsonb not null default '[]',
    metadata       jsonb not null default '{}',
    due_at         timestamptz,
    fault          text collate "C",
    created_at     timestamptz not null,
    settled_at     timestamptz,
    primary key (project_id, id),
    unique (project_id, campaign_id, referee_id),
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, voucher_id) references voucher,
    foreign key (project_id, referrer_id) references customer,
    foreign key (project_id, referee_id) references customer,
    foreign key (project_id, redemption_id) references redemption,
    foreign key (project_id, order_id) references orders
);
call protect('referral');
create index referral_voucher on referral (project_id, voucher_id, created_at, id);
create index referral_referrer on referral (project_id, referrer_id);
create index referral_referee on referral (project_id, referee_id);
create index referral_redemption on referral (project_id, redemption_id)
    where redemption_id is not null;
create index referral_order on referral (project_id, order_id) where order_id is not null;
create index referral_due on referral (project_id, due_at) where due_at is not null;
grant select, insert, update, delete on referral to kaquan_app;

-- Only where the status changed: a redemption on its way writes nothing here.
create function note_referral_order() returns trigger language plpgsql as $$
begin
    update referral set due_at = coalesce(new.updated_at, new.created_at)
     where order_id = new.id and state in ('waiting', 'rewarded');
    return null;
end $$;
create trigger note_referral after update of status on orders
    for each row when (old.status is distinct from new.status)
    execute function note_referral_order();
grant execute on function note_referral_order to kaquan_app;
