# The settings of a private Request Tracker: everything it writes is in one folder.
my ($folder, $port) = @ENV{qw(RT_LIVE_FOLDER RT_LIVE_PORT)};
Set($rtname, 'live.example');
Set($Organization, 'live.example');
Set($CorrespondAddress, 'rt@example.com');
Set($CommentAddress, 'rt-comment@example.com');
Set($WebDomain, '127.0.0.1');
Set($WebPort, $port);
Set($WebPath, '');
Set($WebBaseURL, "http://127.0.0.1:$port");
Set($WebURL, "http://127.0.0.1:$port/");
Set($DatabaseType, 'SQLite');
Set($DatabaseName, "$folder/rtdb");
Set($WebSessionClass, 'Apache::Session::File');
# Mail goes into files of the temporary folder.
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'warning');
Set($Timezone, 'UTC');
$RT::MasonDataDir = "$folder/mason";
$RT::MasonSessionDir = "$folder/sessions";
1;
