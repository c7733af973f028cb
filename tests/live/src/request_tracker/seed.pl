# Fills a new database: a queue with custom fields, users, and a token for each,
# written to standard output as one JSON object.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';
use JSON;
use RT;
RT::LoadConfig();
RT::Init();
require RT::AuthToken;

sub made {
    my ($id, $said) = @_;
    die "$said\n" unless $id;
    return $id;
}

my $system = RT->SystemUser;
my $queue = RT::Queue->new($system);
made($queue->Create(Name => 'Support', Description => 'What customers ask'));
# A second queue, in which nobody here may do anything.
made(RT::Queue->new($system)->Create(Name => 'Board'));

for my $field (
    { Name => 'Severity', Type => 'SelectSingle', Values => ['low', 'high'] },
    { Name => 'Order number', Type => 'FreeformSingle', Pattern => '(?#Digits)^[\d]*$' },
    { Name => 'Products', Type => 'FreeformMultiple' },
) {
    my $custom = RT::CustomField->new($system);
    my $values = delete $field->{Values} || [];
    made($custom->Create(%$field, LookupType => 'RT::Queue-RT::Ticket', Queue => 0));
    made($custom->AddValue(Name => $_)) for @$values;
    made($custom->AddToObject($queue));
}

my %rights = (
    agent => [qw(SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket
            OwnTicket ModifyTicket TakeTicket SeeCustomField ModifyCustomField)],
    reader => [qw(SeeQueue ShowTicket SeeCustomField)],
);
my %tokens;
for my $name (sort keys %rights) {
    my $user = RT::User->new($system);
    made($user->Create(
        Name => $name, EmailAddress => "$name\@example.com", RealName => ucfirst $name,
        Password => 'live-test-password', Privileged => 1,
    ));
    made($user->PrincipalObj->GrantRight(Object => $queue, Right => $_)) for @{ $rights{$name} };
    made($user->PrincipalObj->GrantRight(Object => RT->System, Right => 'ManageAuthTokens'));
    $tokens{$name} = token($user);
}
my $root = RT::User->new($system);
$root->Load('root');
$tokens{root} = token($root);
print JSON->new->canonical->encode(\%tokens), "\n";

sub token {
    my ($user) = @_;
    my $token = RT::AuthToken->new(RT::CurrentUser->new($user));
    my ($id, $said, $secret) = $token->Create(Owner => $user->Id, Description => 'live tests');
    made($id, $said);
    return $secret;
}
