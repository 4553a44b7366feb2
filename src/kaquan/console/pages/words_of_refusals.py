"""Sentences of the rooms that pages show as they are, for the catalogue; a test finds each there."""

from kaquan.console.language import N_

SENTENCES = (
    N_(" Try %(names)s."),
    N_(" There are none yet."),
    N_("'%(value)s' is not one of its values.%(hint)s"),
    N_("A list may have %(longest_list)s values."),
    N_("A list may have %(longest_list)s customers; upload longer ones to a segment."),
    N_("A text may have %(longest_text)s characters."),
    N_("This must lie between the years %(earliest_year)s and %(latest_year)s."),
    N_("A rule has one of %(forms)s; this one has %(named)s."),
    N_("A rule is a JSON object with one of %(forms)s."),
    N_("There is no %(what)s '%(given)s'.%(hint)s"),
    N_("There is no '%(key)s' here.%(hint)s"),
    N_("A %(measure)s is of the deeds themselves; leave 'of' out."),
    N_("There is no such date to keep: '%(of)s'.%(hint)s"),
    N_(
        "With the segments it refers to, the rule exceeds %(most_nodes_in_all)s rules or %(deepest_in_all)s levels."
    ),
    N_("This needs %(missing)s."),
    N_("The segment '%(name)s' refers to this one."),
    N_("Something was sent to this segment; its record is kept."),
    N_("Only a static segment takes a list; this one follows its rule."),
    N_(
        "'%(operator)s' cannot be answered: personal data is sealed, and only whole values can be compared; these operators go with it: %(offered)s."
    ),
    N_("There is no %(kind)s '%(object_id)s'."),
    N_("There is an experiment '%(name)s' already."),
    N_("The experiment '%(name)s' was started before."),
    N_("'%(name)s' is running there; stop it first."),
    N_("The experiment '%(name)s' is not running."),
    N_("These are %(cells)s combinations; at most %(most_arms)s are accepted."),
    N_("An experiment has %(fewest)s to %(most_arms)s arms."),
    N_("Two arms are named '%(twice)s'."),
    N_("The weights sum to %(total)s basis points; they must sum to %(whole_bps)s."),
    N_("Two factors set %(twice)s."),
    N_("'%(name)s' has places %(from_bps)s to %(to_bps)s of the layer '%(layer)s'."),
    N_("This name is the campaign's holdout's; an arm may have nothing: true."),
    N_("An arm that gets nothing cannot have anything else."),
    N_("A name may not be empty, nor begin or end with a blank."),
    N_("A factor has two levels at least."),
    N_("Two factors have the same name."),
    N_("Name the campaign."),
    N_("State either arms or factors."),
    N_("A part of the customers needs the layer it is of."),
    N_("Name a positive share for each of 2 to 16 arms."),
    N_("The change is a share from 0.0001 to 10."),
    N_("The power is from 0.5 to 0.99."),
    N_("The days are 1 to 365."),
)
