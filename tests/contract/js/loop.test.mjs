// The official JavaScript client against a running server: the merchant's side, then the shop's.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { before, test } from 'node:test'

const { VoucherifyClientSide, VoucherifyServerSide } = createRequire(
  `${process.env.KAQUAN_MODULES}/`
)('@voucherify/sdk')

const apiUrl = process.env.KAQUAN_URL
const PRICE = 12_000
const OFF = 2_000

const server = VoucherifyServerSide({
  apiUrl,
  applicationId: process.env.KAQUAN_APP_ID,
  secretKey: process.env.KAQUAN_APP_TOKEN,
})
const shop = (origin = 'https://shop.example') =>
  VoucherifyClientSide({
    apiUrl,
    origin,
    clientApplicationId: process.env.KAQUAN_CLIENT_ID,
    clientSecretKey: process.env.KAQUAN_CLIENT_TOKEN,
  })

const coupon = (code, fields = {}) =>
  server.vouchers.create({
    code,
    type: 'DISCOUNT_VOUCHER',
    discount: { type: 'AMOUNT', amount_off: OFF },
    ...fields,
  })
const redeemable = (id) => ({ object: 'voucher', id })
const refused = (code, key) => (error) => {
  assert.equal(error.code, code)
  assert.equal(error.key, key)
  assert.ok(error.message)
  return true
}

before(async () => {
  for (const name of ['anna', 'ben']) {
    await server.customers.create({ source_id: name, name, metadata: { tier: 'gold' } })
  }
})

test('customers are created, read, changed and listed', async () => {
  const anna = await server.customers.get('anna')
  assert.equal(anna.object, 'customer')
  assert.equal(anna.source_id, 'anna')
  assert.deepEqual(anna.metadata, { tier: 'gold' })

  const changed = await server.customers.update({ source_id: 'anna', city: 'x', name: 'Anna B.' })
  assert.equal(changed.id, anna.id)
  assert.equal(changed.name, 'Anna B.')
  assert.equal((await server.customers.get(anna.id)).name, 'Anna B.')

  const found = await server.customers.list({ limit: 1, page: 1 })
  assert.equal(found.customers.length, 1)
  assert.ok(found.total >= 2)
  await assert.rejects(server.customers.get('nobody'), refused(404, 'not_found'))
})

test('products and their variants', async () => {
  const tea = await server.products.create({ source_id: 'tea', name: 'Tea', price: PRICE })
  assert.equal(tea.price, PRICE)
  const red = await server.products.createSku(tea.id, { source_id: 'tea-red', sku: 'Red', price: 1 })
  assert.equal(red.product_id, tea.id)
  assert.equal((await server.products.getSku('tea-red')).id, red.id)
  await server.products.update({ id: tea.id, name: 'Green tea' })
  assert.equal((await server.products.get('tea')).name, 'Green tea')
  const names = (await server.products.list()).products.map((one) => one.name)
  assert.ok(names.includes('Green tea'))
  await server.products.delete(tea.id)
  await assert.rejects(server.products.get(tea.id), refused(404, 'not_found'))
})

test('orders are created, read, changed and listed', async () => {
  const made = await server.orders.create({
    source_id: 'o-1',
    amount: PRICE,
    customer: { source_id: 'anna' },
  })
  assert.equal(made.status, 'CREATED')
  assert.equal(made.total_amount, PRICE)
  const paid = await server.orders.update({ id: made.id, status: 'PAID' })
  assert.equal(paid.status, 'PAID')
  assert.equal((await server.orders.get('o-1')).id, made.id)
  const listed = (await server.orders.list()).orders.map((one) => one.id)
  assert.ok(listed.includes(made.id))
})

test('the whole loop: campaign, publication, validation, redemption, rollback', async () => {
  const campaign = await server.campaigns.create({
    name: 'Spring',
    campaign_type: 'DISCOUNT_COUPONS',
    vouchers_count: 5,
    join_once: true,
    voucher: {
      type: 'DISCOUNT_VOUCHER',
      discount: { type: 'AMOUNT', amount_off: OFF },
      redemption: { quantity: 1 },
      code_config: { prefix: 'SPR-' },
    },
  })
  assert.equal(campaign.object, 'campaign')
  assert.equal((await server.campaigns.get('Spring')).id, campaign.id)
  assert.ok((await server.campaigns.list()).campaigns.some((one) => one.id === campaign.id))

  const give = { campaign: { name: 'Spring' }, customer: { source_id: 'anna' } }
  const published = await server.distributions.publications.create(give)
  const { code } = published.voucher
  assert.match(code, /^SPR-/)
  assert.equal((await server.distributions.publications.create(give)).voucher.code, code)
  const of = await server.distributions.publications.list({ campaign: 'Spring' })
  assert.equal(of.total, 1)

  const request = {
    redeemables: [redeemable(code)],
    order: { source_id: 'o-2', amount: PRICE },
    customer: { source_id: 'anna' },
  }
  const validated = await server.validations.validateStackable(request)
  assert.equal(validated.valid, true)
  assert.equal(validated.order.total_amount, PRICE - OFF)

  const redeemed = await server.redemptions.redeemStackable(request)
  const [redemption] = redeemed.redemptions
  assert.equal(redemption.result, 'SUCCESS')
  assert.equal(redemption.voucher.code, code)
  assert.equal(redeemed.order.total_discount_amount, OFF)
  assert.equal((await server.redemptions.get(redemption.id)).id, redemption.id)
  assert.equal((await server.redemptions.getForVoucher(code)).redeemed_quantity, 1)

  const again = await server.validations.validateStackable(request)
  assert.equal(again.valid, false)
  assert.equal(again.redeemables[0].result.error.key, 'quantity_exceeded')
  await assert.rejects(
    server.redemptions.redeemStackable(request),
    refused(400, 'quantity_exceeded')
  )

  const rolled = await server.redemptions.rollback(redemption.id, 'changed my mind')
  assert.equal(rolled.result, 'SUCCESS')
  assert.equal(rolled.redemption, redemption.id)
  assert.equal((await server.vouchers.get(code)).redemption.redeemed_quantity, 0)
})

test('vouchers are created, changed, switched off and on, listed and deleted', async () => {
  const made = await coupon('ONE', { redemption: { quantity: 3 }, metadata: { a: 1 } })
  assert.equal(made.code, 'ONE')
  assert.equal(made.redemption.quantity, 3)
  const changed = await server.vouchers.update({ code: 'ONE', metadata: { b: 2 } })
  assert.deepEqual(changed.metadata, { a: 1, b: 2 })
  assert.equal((await server.vouchers.disable('ONE')).active, false)
  const off = await server.validations.validateStackable({
    redeemables: [redeemable('ONE')],
    order: { amount: PRICE },
  })
  assert.equal(off.redeemables[0].result.error.key, 'voucher_disabled')
  assert.equal((await server.vouchers.enable('ONE')).active, true)
  assert.ok((await server.vouchers.list({ limit: 10 })).vouchers.some((one) => one.code === 'ONE'))
  await server.vouchers.delete('ONE')
  await assert.rejects(server.vouchers.get('ONE'), refused(404, 'not_found'))
})

test('gift cards pay what is left on them', async () => {
  await server.vouchers.create({
    code: 'GIFT',
    type: 'GIFT_VOUCHER',
    gift: { amount: 3_000 },
    redemption: { quantity: null },
  })
  const added = await server.vouchers.balance.create('GIFT', { amount: 1_000 })
  assert.equal(added.amount, 1_000)
  const paid = await server.redemptions.redeemStackable({
    redeemables: [{ ...redeemable('GIFT'), gift: { credits: 3_500 } }],
    order: { amount: PRICE },
  })
  assert.equal(paid.order.total_amount, PRICE - 3_500)
  assert.equal((await server.vouchers.get('GIFT')).gift.balance, 500)
})

test('a shop asks with its public key and is told less', async () => {
  await coupon('SHOP')
  const client = shop()
  const asked = { redeemables: [redeemable('SHOP')], order: { amount: PRICE }, tracking_id: 'ben' }
  const validated = await client.validateStackable(asked)
  assert.equal(validated.valid, true)
  assert.equal(validated.tracking_id, 'ben')
  assert.equal(validated.order.total_amount, PRICE - OFF)

  const eligible = await client.qualifications({
    customer: { source_id: 'ben' },
    order: { amount: PRICE },
    scenario: 'ALL',
  })
  assert.ok(eligible.redeemables.data.some((one) => one.id === 'SHOP'))
  assert.equal((await client.listConsents()).object, 'list')

  client.setIdentity('ben')
  const event = await client.track('page_seen', {}, { page: 'home' })
  assert.equal(event.type, 'page_seen')
  assert.deepEqual(Object.keys(event.customer).sort(), ['id', 'object', 'source_id'])
})

test('the older calls, one voucher or tier at a time', async () => {
  await coupon('OLD', { redemption: { quantity: 2 } })
  const request = { order: { amount: PRICE }, customer: { source_id: 'anna' } }
  const validated = await server.validations.validateVoucher('OLD', request)
  assert.equal(validated.valid, true)
  assert.equal(validated.order.total_amount, PRICE - OFF)
  const redeemed = await server.redemptions.redeem('OLD', request)
  assert.equal(redeemed.result, 'SUCCESS')
  assert.equal(redeemed.order.total_amount, PRICE - OFF)
  await server.redemptions.rollback(redeemed.id)

  const client = shop()
  const seen = await client.validate({ code: 'OLD', amount: PRICE, tracking_id: 'ben' })
  assert.equal(seen.valid, true)
  assert.equal(seen.tracking_id, 'ben')
  client.setIdentity('ben')
  const taken = await client.redeem('OLD', { order: { amount: PRICE } })
  assert.equal(taken.result, 'SUCCESS')
})

test('a shop redeems and publishes, as this project lets it', async () => {
  await coupon('SELF', { redemption: { quantity: 1 } })
  const client = shop()
  const request = { redeemables: [redeemable('SELF')], order: { amount: PRICE } }
  const redeemed = await client.redeemStackable({ ...request, customer: { source_id: 'ben' } })
  assert.equal(redeemed.redemptions[0].result, 'SUCCESS')
  await assert.rejects(client.redeemStackable(request), refused(400, 'quantity_exceeded'))

  await server.campaigns.create({
    name: 'Open',
    campaign_type: 'DISCOUNT_COUPONS',
    vouchers_count: 2,
    voucher: { type: 'DISCOUNT_VOUCHER', discount: { type: 'PERCENT', percent_off: 10 } },
  })
  client.setIdentity('ben')
  const published = await client.publish('Open')
  assert.equal(published.customer.source_id, 'ben')
  assert.equal(published.customer.name, undefined)
  assert.equal((await server.vouchers.get(published.voucher.code)).campaign, 'Open')
})

test('a page elsewhere is refused, and a public key is no server key', async () => {
  await assert.rejects(shop('https://evil.example').listConsents(), refused(403, 'forbidden'))
  const mistaken = VoucherifyServerSide({
    apiUrl,
    applicationId: process.env.KAQUAN_CLIENT_ID,
    secretKey: process.env.KAQUAN_CLIENT_TOKEN,
  })
  await assert.rejects(mistaken.customers.list(), refused(403, 'forbidden'))
})
