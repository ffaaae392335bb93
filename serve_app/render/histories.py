"""The histories of a profile as JSON values: money and stage, traits, service, credit, campaigns."""

from typing import Any

from actors.domain.economics import STANDARD, Economics, profit_and_loss, send_cost_minor
from actors.domain.histories import Campaign, Case, Service
from actors.domain.loyalty import loyalty_stage, rfm
from actors.domain.profile import Profile
from serve_app.render.values import MoneyFormat, instant

_DAY_MS = 86_400_000.0


def histories_json(
    profile: Profile, money: MoneyFormat, now_ms: int, economics: Economics = STANDARD
) -> dict[str, Any]:
    """Return the parts of a profile that tell how the relationship has gone, as of `now_ms`."""
    return {
        "loyaltyStage": loyalty_stage(profile, now_ms),
        "value": _value(profile, money, now_ms, economics),
        "traitOrigins": {
            name: {"at": instant(origin.at_ms), "source": origin.source}
            for name, origin in sorted(profile.trait_origins.items())
            if name in profile.traits
        },
        "traitChanges": [
            {
                "trait": change.name,
                "at": instant(change.at_ms),
                "source": change.source,
                "old": change.old,
            }
            for change in reversed(profile.trait_changes)
        ],
        "interests": {
            category: {
                "views": profile.views.get(category, 0),
                "clicks": interest.clicks,
                "searches": interest.searches,
                "lastAt": instant(interest.last_at_ms),
            }
            for category, interest in sorted(profile.interests.items())
        },
        "outreach": {
            channel: {
                "sent": outreach.sent,
                "cost": money(outreach.cost_millis / 1000),
                "seen": outreach.seen,
                "clicked": outreach.clicked,
                "bounced": outreach.bounced,
                "lastClickedAt": instant(outreach.last_clicked_at_ms),
            }
            for channel, outreach in sorted(profile.outreach.items())
        },
        "campaigns": [
            _campaign(key, each)
            for key, each in sorted(
                profile.campaigns.items(), key=lambda item: (-item[1].assigned_at_ms, item[0])
            )
        ],
        "leads": [
            {
                "leadId": lead.lead_id or None,
                "topic": lead.topic or None,
                "stage": lead.stage,
                "channel": lead.channel,
                "value": money(lead.value_minor),
                "at": instant(lead.at_ms),
            }
            for lead in sorted(profile.leads, key=lambda lead: (-lead.at_ms, lead.lead_id))
        ],
        "service": _service(profile.service),
        "credit": _credit(profile, money),
        "voice": _voice(profile),
    }


def _value(
    profile: Profile, money: MoneyFormat, now_ms: int, economics: Economics
) -> dict[str, Any]:
    found = rfm(profile, now_ms)
    account = profit_and_loss(profile, money.scale, economics)
    return {
        "meanOrder": money(found.mean_order_minor),
        "meanRepeatOrder": money(found.mean_repeat_minor),
        "gapDays": found.gap_ms / _DAY_MS,
        "meanGapDays": found.mean_gap_ms / _DAY_MS,
        "recencyDays": found.since_last_ms / _DAY_MS if found.orders else None,
        "previousOrderAt": instant(profile.ledger.previous_order_at_ms),
        "revenue": money(account.revenue_minor),
        "discounts": money(account.discounts_minor),
        "refunds": money(account.refunds_minor),
        "goods": money(account.goods_minor),
        "sends": money(send_cost_minor(profile)),
        "service": money(account.service_minor),
        "profit": money(account.profit_minor),
    }


def _campaign(key: str, campaign: Campaign) -> dict[str, Any]:
    return {
        "campaignId": key,
        "type": campaign.kind or None,
        "assignedAt": instant(campaign.assigned_at_ms),
        "receivedAt": instant(campaign.received_at_ms),
        "redeemed": campaign.redeemed,
        "lastRedeemedAt": instant(campaign.last_redeemed_at_ms),
    }


def _service(service: Service) -> dict[str, Any]:
    return {
        "opened": service.opened,
        "closed": service.closed,
        "open": len(service.open_cases()),
        "ratings": service.ratings,
        "satisfaction": service.rating_sum / service.ratings if service.ratings else None,
        "lastSatisfaction": service.last_rating or None,
        "lastRatedAt": instant(service.last_rated_at_ms),
        "cases": [
            _case(case)
            for case in sorted(service.cases, key=lambda c: (-c.changed_at_ms, c.case_id))
        ],
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "caseId": case.case_id,
        "topic": case.topic or None,
        "state": case.state or None,
        "priority": case.priority or None,
        "channel": case.channel or None,
        "openedAt": instant(case.opened_at_ms),
        "changedAt": instant(case.changed_at_ms),
        "closedAt": instant(case.closed_at_ms),
        "satisfaction": case.satisfaction or None,
        "contacts": case.contacts,
    }


def _credit(profile: Profile, money: MoneyFormat) -> dict[str, Any]:
    credit = profile.credit
    return {
        "limit": money(credit.limit_minor) if credit.limit_at_ms else None,
        "balance": money(credit.balance_minor) if credit.balance_at_ms else None,
        "due": money(credit.due_minor),
        "paid": money(credit.paid_minor),
        "missed": credit.missed,
        "lastPaidAt": instant(credit.last_paid_at_ms),
        "lastMissedAt": instant(credit.last_missed_at_ms),
    }


def _voice(profile: Profile) -> dict[str, Any]:
    voice = profile.voice
    return {
        "reviews": voice.reviews,
        "praises": voice.praises,
        "lastReviewAt": instant(voice.last_review_at_ms),
        "referrals": voice.referrals,
        "referralsConverted": voice.referrals_converted,
        "lastReferralAt": instant(voice.last_referral_at_ms),
    }
