SELECT cron.schedule('nightly', '0 3 1 1 *', 'SELECT 1'), cron.schedule('gone', '0 3 1 1 *', 'SELECT 2');
SELECT cron.unschedule('gone');
