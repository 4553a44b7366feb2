-- What an erasure empties beside what the application changes anyway: words about a person that
-- stand in rows which otherwise only grow.
grant update (reason) on balance_adjustment to kaquan_app;
grant update (reason, metadata) on order_return to kaquan_app;
grant update (metadata) on reward_redemption to kaquan_app;
grant update (facts) on event_outbox to kaquan_app;
