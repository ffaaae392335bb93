"""Campaigns and leads: what the customer was assigned, got and redeemed, and where a sale may come from."""

from actors.domain.events import Event
from actors.domain.folding.reading import MAX_NAME, MAX_WORD, Handler, text_of
from actors.domain.histories import MAX_CAMPAIGNS, MAX_LEADS, Campaign, Lead
from actors.domain.money import minor_of
from actors.domain.profile import Profile
from actors.domain.state import CustomerState


def _campaign(
    state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]
) -> None:
    campaign_id = text_of(event.properties.get("campaign_id"))
    if not campaign_id:
        notes.append("campaign_without_id")
        return
    campaigns = state.profile.campaigns
    campaign = campaigns.get(campaign_id)
    if campaign is None:
        if len(campaigns) >= MAX_CAMPAIGNS:
            del campaigns[min(campaigns, key=lambda key: _last_ms(campaigns[key]))]
        campaign = campaigns[campaign_id] = Campaign()
    campaign.kind = text_of(event.properties.get("campaign_type"), MAX_WORD) or campaign.kind
    if event.name == "Campaign Assigned":
        campaign.seq, campaign.origin = state.seq + 1, 0
        campaign.assigned_at_ms = max(campaign.assigned_at_ms, at_ms)
    elif event.name == "Campaign Received":
        campaign.received_at_ms = max(campaign.received_at_ms, at_ms)
    else:
        _redeemed(campaign, at_ms)


def _last_ms(campaign: Campaign) -> int:
    return max(campaign.assigned_at_ms, campaign.received_at_ms, campaign.last_redeemed_at_ms)


def _redeemed(campaign: Campaign, at_ms: int) -> None:
    campaign.redeemed += 1
    campaign.last_redeemed_at_ms = max(campaign.last_redeemed_at_ms, at_ms)


def credit_campaign(profile: Profile, seq: int, at_ms: int, origin: int = 0) -> None:
    """Count a redemption for the campaign that turn `seq` assigned, if it was one and is known.

    `origin` is as in `Campaign`: whose turn that was.
    """
    for campaign in profile.campaigns.values():
        if (campaign.seq, campaign.origin) == (seq, origin):
            _redeemed(campaign, at_ms)


def _lead(state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]) -> None:
    """Take a step of a lead; one that is older than the last one fills only what is not known."""
    leads, properties = state.profile.leads, event.properties
    lead_id = text_of(properties.get("lead_id"))
    lead = next((each for each in leads if each.lead_id == lead_id), None)
    if lead is None:
        if len(leads) >= MAX_LEADS:
            leads.remove(min(leads, key=lambda each: each.at_ms))
        lead = Lead(lead_id)
        leads.append(lead)
    newest = at_ms >= lead.at_ms
    topic = text_of(properties.get("topic"), MAX_NAME)
    value = minor_of(properties.get("value"), digits)
    if topic and (newest or not lead.topic):
        lead.topic = topic
    if value is not None and (newest or not lead.value_minor):
        lead.value_minor = value
    if newest:
        lead.stage = event.name.removeprefix("Lead ").lower()
        lead.at_ms = at_ms
    if event.name == "Lead Captured" or not lead.channel:
        lead.channel = event.channel[:MAX_NAME]


CAMPAIGNS: dict[str, Handler] = {
    "Campaign Assigned": _campaign,
    "Campaign Received": _campaign,
    "Campaign Redeemed": _campaign,
    "Lead Captured": _lead,
    "Lead Qualified": _lead,
    "Lead Converted": _lead,
    "Lead Lost": _lead,
}
