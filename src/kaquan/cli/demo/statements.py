"""DuckDB's SQL over the files of Complete Journey. Amounts are in US cents."""

SOURCES = "create view {name} as select * from read_parquet('{path}', file_row_number = true)"

HOUSEHOLDS = """
    create table household as
    select household_id from (select distinct household_id from transactions)
     order by md5(household_id::varchar) limit $households
"""
"""A hash mixes the households, so that a few of them are a fair picture of all.

What is left out is left out at the end only: values that are estimated from many baskets are the
same for a few households as for all.
"""

LINES = """
    create table line as
    with cents as (
        select t.file_row_number as line_id, t.household_id, t.store_id, t.basket_id, t.product_id,
               t.transaction_timestamp at time zone 'UTC' as placed_at, t.quantity,
               round(t.sales_value * 100)::bigint as sales,
               round(t.retail_disc * 100)::bigint as card,
               round(t.coupon_match_disc * 100)::bigint as matched,
               round(t.coupon_disc * 100)::bigint as coupon
          from transactions t
    )
    select line_id, household_id, store_id, basket_id, product_id, placed_at,
           sales + card + matched as amount, sales, card, matched, coupon,
           quantity < 1 and sales + card + matched = 0 as is_note,
           case when quantity < 1 or p.product_type like 'GASOLINE%' then 1
                else quantity end as quantity
      from cents left join products p using (product_id)
"""

BASKETS = """
    create table basket as
    select basket_id, any_value(household_id) as household_id, any_value(store_id) as store_id,
           min(placed_at) as placed_at, (min(placed_at) at time zone $zone)::date as day,
           sum(case when is_note then coupon else greatest(coupon - sales, 0) end)::bigint
               as loose_minor,
           bool_and(is_note) as is_empty,
           sum(amount)::bigint as amount, sum(sales - coupon)::bigint as paid
      from line group by basket_id
"""

LEFT_OUT = """
    select (select count(*) from line semi join household using (household_id) where is_note)
               as notes,
           (select count(*) from basket semi join household using (household_id) where is_empty)
               as baskets
"""

PAIRS = """
    create table pair as
    select campaign_id, coupon_upc, product_id, count(*) over (partition by campaign_id, coupon_upc)
               as breadth
      from (select distinct campaign_id, coupon_upc, product_id from coupons)
"""
"""Which coupon is good for which product; the source names some pairs twice."""

CHANCES = """
    create table chance as
    with numbered as (
        select row_number() over (
                   order by redemption_date, household_id, campaign_id, coupon_upc) as number, *
          from coupon_redemptions
    )
    select n.number, n.household_id, n.campaign_id, n.coupon_upc, b.basket_id, b.placed_at,
           b.is_empty
      from numbered n
      join basket b on b.household_id = n.household_id and b.day = n.redemption_date::date
"""
"""The baskets in which a redeemed coupon may have been used: the household's of that day."""

COVERINGS = """
    create table covering as
    select c.number, c.basket_id, l.line_id, l.coupon, l.card, p.breadth
      from chance c
      join line l on l.basket_id = c.basket_id and not l.is_note
      join pair p on p.campaign_id = c.campaign_id and p.coupon_upc = c.coupon_upc
                 and p.product_id = l.product_id
"""

PRESENTED = """
    create table presented as
    with covered as (
        select number, basket_id, max(coupon) > 0 as has_money, any_value(breadth) as breadth
          from covering group by 1, 2
    )
    select number, household_id, campaign_id, coupon_upc, coalesce(breadth, 0) as breadth,
           basket_id, is_empty, placed_at
      from chance left join covered using (number, basket_id)
   qualify row_number() over (
               partition by number
               order by has_money desc nulls last, is_empty, basket_id) = 1
     order by number
"""
"""One basket a redemption: preferably with covered goods that coupon money came off."""

COVERED = """
    select number, line_id, coupon as coupon_minor, card as card_minor
      from covering semi join presented using (number, basket_id)
     order by 1, 2
"""

CUSTOMERS = """
    with usual as (
        select household_id, min(placed_at) as first_at,
               quantile_disc(paid, 0.5)::bigint as usual_basket_minor
          from basket where not is_empty and paid > 0 group by 1
    )
    select 'household-' || h.household_id as source_id,
           coalesce(u.first_at, (select min(placed_at) from basket)) as created_at,
           json_merge_patch('{}', to_json({
               'age': d.age, 'income': d.income, 'home_ownership': d.home_ownership,
               'marital_status': d.marital_status, 'household_size': d.household_size,
               'household_comp': d.household_comp, 'kids_count': d.kids_count,
               'usual_basket_minor': u.usual_basket_minor}))::varchar as metadata
      from household h left join usual u using (household_id)
      left join demographics d using (household_id)
     order by h.household_id
"""

PRODUCTS = """
    with mailed as (
        select product_id, list(distinct campaign_id::varchar order by campaign_id::varchar)
                   as mailings
          from coupons group by 1
    ), shelf as (
        select product_id, mode(amount // quantity) as price_minor
          from line where amount > 0 group by 1
    )
    select product_id::varchar as source_id,
           coalesce(p.product_type, p.product_category, p.department,
                    'Product ' || product_id) || coalesce(' · ' || p.package_size, '') as name,
           s.price_minor,
           json_merge_patch('{}', to_json({
               'department': p.department, 'category': p.product_category,
               'type': p.product_type, 'brand': p.brand, 'size': p.package_size,
               'manufacturer': p.manufacturer_id::varchar,
               'mailings': m.mailings}))::varchar as attributes
      from products p full join mailed m using (product_id) left join shelf s using (product_id)
     order by product_id
"""

LOCATIONS = """
    select store_id::varchar as source_id, 'Store ' || store_id as name
      from (select distinct store_id from basket semi join household using (household_id))
     order by store_id
"""

_LINE_DISCOUNT = "least(amount, card + matched + coupon)"

ORDERS = f"""
    with goods as (
        select basket_id, sum({_LINE_DISCOUNT})::bigint as items_discount
          from line where not is_note group by 1
    )
    select b.basket_id::varchar as source_id, 'household-' || b.household_id as customer_source_id,
           b.store_id::varchar as location_source_id, b.amount as amount_minor,
           least(b.loose_minor, b.amount - g.items_discount) as discount_minor, b.placed_at
      from basket b join goods g using (basket_id) semi join household using (household_id)
     order by b.basket_id
"""

ORDER_LINES = f"""
    select basket_id::varchar as order_source_id, product_id::varchar as product_source_id,
           quantity, amount // quantity as unit_price_minor, amount as amount_minor,
           {_LINE_DISCOUNT} as discount_minor
      from line semi join household using (household_id)
     where not is_note
     order by basket_id, line_id
"""

CAMPAIGNS = """
    select campaign_id as number, campaign_type as kind, start_date::date as first_day,
           end_date::date as last_day, coalesce(coupon_count, 0) as coupon_count,
           case when campaign_type = 'Type A' then least(16, coupon_count)
                else coupon_count end as booklet_size,
           coalesce(product_count, 0) as product_count
      from campaign_descriptions
      left join (select campaign_id, count(distinct coupon_upc) as coupon_count,
                        count(distinct product_id) as product_count
                   from coupons group by 1) using (campaign_id)
     order by start_date, campaign_id
"""

PUBLISHED = """
    select campaign_id, list('household-' || household_id order by household_id)
      from campaigns join household using (household_id) group by 1
"""

OWN_BASKETS = """
    with goods as (
        select basket_id, sum(greatest(l.sales - l.coupon, 0))::bigint as paid
          from line l join basket b using (basket_id)
         where b.placed_at >= $since and b.placed_at < $start and not l.is_note
         group by 1
    ), own as (
        select b.household_id, b.basket_id, b.placed_at, b.placed_at >= $start as is_new,
               coalesce(g.paid, b.paid) as paid_minor
          from basket b left join goods g using (basket_id)
         where b.placed_at >= $since and b.placed_at < $until and not b.is_empty
    )
    select own.* from own semi join household using (household_id) anti join presented using (basket_id)
     where paid_minor >= $least_minor
     order by household_id, placed_at, basket_id
"""
"""Baskets of a size, those before the start at what was paid line by line, as they can be copied.

Baskets in which a coupon of 2017 was presented are left to that coupon.
"""

COPIED_LINES = """
    select basket_id, l.store_id::varchar as store_id, l.product_id::varchar as product_id,
           l.quantity, l.sales - l.coupon as paid_minor
      from line l
      join (select unnest($baskets) as basket_id) using (basket_id)
     where not l.is_note and l.sales > l.coupon
     order by basket_id, l.line_id
"""
