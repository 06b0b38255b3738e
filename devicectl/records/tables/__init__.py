"""The tables, by subject."""

from .columns import Guid, metadata
from .pens import (
    DIRECTIONS,
    ORIGINS,
    OUTCOMES,
    PASS_ENDS,
    PASS_KINDS,
    PRIORITIES,
    PURPOSES,
    SEGMENT_KINDS,
    alarms,
    boots,
    cartridges,
    commands,
    events,
    pass_segments,
    passes,
    pens,
    sessions,
    stations,
    stops,
    telemetry_blocks,
)
from .people import (
    ACCESS_CODES,
    ROLES,
    access_events,
    client_profiles,
    clients,
    erasures,
    operator_states,
    operators,
)
from .plans import (
    COURSE_ENDS,
    PROTOCOL_SOURCES,
    assessments,
    course_ends,
    courses,
    protocol_zones,
    protocols,
    session_plan,
)
from .treatments import (
    adverse_event_states,
    adverse_events,
    anaesthetic_removals,
    anaesthetics,
    cartridge_discards,
    cartridge_uses,
    checklist_answers,
    consents,
    follow_up_states,
    follow_ups,
    notes,
    pen_checks,
    photos,
    skin_preparations,
    topicals,
    zone_results,
)
from .trust import (
    MEANINGS,
    amendments,
    audit,
    pass_changes,
    pass_parts,
    signature_sessions,
    signatures,
    station_keys,
)

__all__ = [
    "ACCESS_CODES", "COURSE_ENDS", "DIRECTIONS", "MEANINGS", "ORIGINS", "OUTCOMES", "PASS_ENDS", "PASS_KINDS", "PRIORITIES",
    "PROTOCOL_SOURCES", "PURPOSES", "ROLES", "SEGMENT_KINDS", "Guid", "access_events", "adverse_event_states", "adverse_events",
    "alarms", "amendments", "anaesthetic_removals", "anaesthetics", "assessments", "audit", "boots", "cartridge_discards",
    "cartridge_uses", "cartridges", "checklist_answers", "client_profiles", "clients", "commands", "consents", "course_ends",
    "courses", "erasures", "events", "follow_up_states", "follow_ups", "metadata", "notes", "operator_states", "operators",
    "pass_changes", "pass_parts", "pass_segments", "passes", "pen_checks", "pens", "photos", "protocol_zones", "protocols",
    "session_plan", "sessions", "signature_sessions", "signatures", "skin_preparations", "station_keys", "stations", "stops",
    "telemetry_blocks", "topicals", "zone_results",
]  # fmt: skip
